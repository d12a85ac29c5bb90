SET lock_timeout = '2s';

-- Every order has a note from now on.
DO $$
BEGIN
    EXECUTE format('ALTER TABLE %I ALTER COLUMN note SET NOT NULL', 'orders');
END
$$;

-- Discounts have moved to coupons.
ALTER TABLE orders DROP COLUMN discount CASCADE;
