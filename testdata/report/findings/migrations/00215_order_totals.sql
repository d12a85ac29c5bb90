-- +goose Up
-- totals are read by the invoices page
ALTER TABLE orders ADD COLUMN total numeric(12,2) NOT NULL DEFAULT 0;
CREATE INDEX orders_total ON orders (total);
UPDATE orders SET total = (SELECT sum(price * quantity) FROM items WHERE items.order_id = orders.id);
ALTER TABLE orders
    ADD CONSTRAINT orders_customer_fk
    FOREIGN KEY (customer_id)
    REFERENCES customers (id);
