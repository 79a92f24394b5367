"""One frozen struct per topic value, and every reason for which a record is turned away."""
