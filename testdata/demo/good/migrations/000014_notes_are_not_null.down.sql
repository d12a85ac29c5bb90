SET lock_timeout = '2s';
ALTER TABLE orders ADD CONSTRAINT orders_note_not_null CHECK (note IS NOT NULL);
ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;
