SET lock_timeout = '2s';
ALTER TABLE coupons DROP CONSTRAINT coupons_code_key;
CREATE UNIQUE INDEX coupons_code_key ON coupons (code);
