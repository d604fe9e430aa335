-- Takes rows as binary COPY. Parameters: relation, columns (names).
copy keepwatch.$<relation:name> ($<columns:name>) from stdin with (format binary)
