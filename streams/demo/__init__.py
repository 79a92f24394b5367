"""The demo's world: real bookings, reviews and messages in the names of invented guests."""
