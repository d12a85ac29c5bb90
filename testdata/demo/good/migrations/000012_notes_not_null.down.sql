SET lock_timeout = '2s';
ALTER TABLE orders DROP CONSTRAINT orders_note_not_null;
