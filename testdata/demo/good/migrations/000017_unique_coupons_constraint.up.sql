SET lock_timeout = '2s';
ALTER TABLE coupons ADD CONSTRAINT coupons_code_key UNIQUE USING INDEX coupons_code_key;
