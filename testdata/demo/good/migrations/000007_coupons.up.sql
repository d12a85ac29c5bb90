CREATE TABLE coupons (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL,
    percent integer NOT NULL CHECK (percent BETWEEN 1 AND 100),
    expires_at timestamptz
);
