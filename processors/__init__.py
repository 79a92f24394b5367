"""What Rollcall decides, pure and synchronous: no await, no clock, no Kafka, no logging, no randomness."""
