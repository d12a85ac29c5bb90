CREATE TABLE payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders (id),
    provider text NOT NULL,
    reference text,
    amount numeric(12, 2) NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX payments_order_id ON payments (order_id);
