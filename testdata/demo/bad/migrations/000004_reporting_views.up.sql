CREATE VIEW order_totals AS
SELECT o.id, o.customer_id, o.placed_at, sum(i.quantity * i.price) - o.discount AS total
FROM orders o
JOIN order_items i ON i.order_id = o.id
WHERE o.state <> 'cancelled'
GROUP BY o.id;

CREATE VIEW revenue_by_month AS
SELECT date_trunc('month', placed_at) AS month, sum(total) AS revenue
FROM order_totals
GROUP BY 1;
