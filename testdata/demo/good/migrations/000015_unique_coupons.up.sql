-- Coupons that share a code get their id behind it, all but the oldest.
UPDATE coupons c SET code = c.code || '-' || c.id
WHERE EXISTS (SELECT FROM coupons older WHERE older.code = c.code AND older.id < c.id);
