"""The only code that imports Faust, Kafka clients and RocksDB."""
