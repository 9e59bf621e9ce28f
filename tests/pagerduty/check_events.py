#!/usr/bin/env python3
"""check_events.py SCHEMA.json EVENTS.jsonl: one line per event that breaks the schema; 1 if any."""
import json
import sys

from jsonschema import Draft202012Validator

validator = Draft202012Validator(json.load(open(sys.argv[1])))
bad = 0
for number, line in enumerate(open(sys.argv[2]), 1):
    for error in validator.iter_errors(json.loads(line)):
        print(f"event {number}: {error.json_path}: {error.message}")
        bad = 1
sys.exit(bad)
