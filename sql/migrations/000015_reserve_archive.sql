-- Held for another part until the parts come together.

select 1;
