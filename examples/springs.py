"""Bodies joined by hidden springs: find the springs, look at the force, read new systems, forecast.

python examples/springs.py
"""

import edgewise as ew

ew.tune_runtime()  # before torch is loaded: idle threads sleep, freed memory is kept

# 60 systems of five bodies, each with its own springs. The truth comes along, but only the metrics look at it.
data = ew.simulate("springs", entities=5, sequences=60, steps=49, seed=0)
fresh = ew.simulate("springs", entities=5, sequences=20, steps=49, seed=1)

# Learn the law and the graph of every system from the motion alone.
result = ew.infer(data, undirected=True)
print(result)
print(result.edges().head())
print(f"right: {result.metrics['edge_accuracy']:.1%}; correlation alone: "
      f"{result.metrics['baselines']['correlation']['edge_accuracy']:.1%}")  # fmt: skip

# The law of type 1: acceleration toward the sender against distance. A spring gives a straight line.
print(result.law(1)[["distance", "force"]].iloc[::8])

# The same law reads graphs of systems that it has never seen, without training.
print(f"right in fresh systems: {result.apply(fresh).metrics['edge_accuracy']:.1%}")

# Ten frames ahead: the expected course of the first system.
print(result.forecast(steps=10)["x"].isel(sequence=0).to_pandas())

result.report("springs.html")
