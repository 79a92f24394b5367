"""Rollcall and its peers on one job, on one broker, checked against one oracle; README.md tells what is measured."""
