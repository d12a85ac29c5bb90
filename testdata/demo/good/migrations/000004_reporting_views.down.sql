DROP VIEW revenue_by_month;
DROP VIEW order_totals;
