"""scikit-learn's part of bench_forest: the best CPU time of a few runs, then a score for each row.

    bench_forest.py FEATURES ROWS SCORES

ROWS: doubles, row after row. SCORES: a double (seconds), then a float for each row.
"""
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
try:
    import numpy as np
    from sklearn.ensemble import IsolationForest
except ImportError:
    sys.exit(3)

features, rows, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
numbers = np.fromfile(rows).reshape(-1, features)
best = float("inf")
for _ in range(3):
    start = time.process_time()
    forest = IsolationForest(n_estimators=100, max_samples=256, random_state=1, n_jobs=1).fit(numbers)
    scores = -forest.score_samples(numbers)
    best = min(best, time.process_time() - start)
with open(out, "wb") as file:
    np.array([best]).tofile(file)
    scores.astype(np.float32).tofile(file)
