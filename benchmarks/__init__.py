"""Measurements, one question each: a table for people, then one JSON line. Never a timed test."""
