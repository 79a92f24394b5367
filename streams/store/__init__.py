"""The table-backed group store: a read model of the compacted topics, thrown away and built again at will."""
