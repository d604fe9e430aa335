-- Ends the cursor of an export. No parameters, no rows.
close keepwatch_export;
