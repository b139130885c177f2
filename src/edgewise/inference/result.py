"""The result of an inference: who acts on whom, by which law, how surely, and what happens next."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pandas as pd
import xarray as xr

from edgewise.data.given import Trajectories, as_dataset
from edgewise.errors import ConfigError, DataError
from edgewise.inference.belief import strength_belief
from edgewise.inference.confidence.arrays import BY_RECORDING, BY_TYPE, STRENGTH
from edgewise.inference.config import InferenceConfig
from edgewise.inference.fitted import Fitted

if TYPE_CHECKING:
    from torch_geometric.data import Data


@dataclass(frozen=True)
class Inference:
    """Who acts on whom in a data set.

    Attributes:
        probability: posterior of each type, `probability(sequence, [window,] receiver, sender, type)`; one sequence
            named "all" where the graph is shared. The diagonal is type 0.
        influence: share of a receiver's motion that a sender's effect makes up, over (sequence, receiver, sender);
            None for a baseline.
        types: a name for each type; `no_interaction`: whether type 0 means that nothing acts.
        metrics: the record `metrics.json`.
        config: what was asked.
        fitted: what was learnt (a law, or a network), None for a baseline.
        tail: the last frames of the data, what a forecast starts from.
        law_record: force against distance (or mean effects), the record `law.json`.
        history, preview, about: the records `history.json`, `preview.json` and `run.json`.
        confidence: what was asked for beside the probabilities, over their dimensions: `q_value` (with fdr), `spread`
            (ensemble), `low` and `high` (bootstrap), `influence_low` and `influence_high`; of continuous strengths
            `strength`, `strength_low`, `strength_high` and `strength_std`.
    """

    probability: xr.DataArray
    influence: xr.DataArray | None
    types: tuple[str, ...]
    no_interaction: bool
    metrics: dict[str, Any]
    config: InferenceConfig
    fitted: Fitted | None
    tail: xr.Dataset
    law_record: dict[str, Any] | None
    history: dict[str, Any] | None
    preview: dict[str, Any]
    about: dict[str, Any] = field(default_factory=dict)
    confidence: xr.Dataset = field(default_factory=xr.Dataset)

    @property
    def entities(self) -> list[str]:
        return [str(name) for name in self.probability["receiver"].to_numpy()]

    @property
    def sequences(self) -> list[str]:
        return [str(name) for name in self.probability["sequence"].to_numpy()]

    def interaction(self) -> xr.DataArray:
        """Probability that a pair interacts at all: 1 - p(type 0), or the largest type's where every type acts."""
        if self.no_interaction:
            return 1 - self.probability.isel(type=0, drop=True)
        return self.probability.max("type")

    @property
    def strength(self) -> xr.DataArray:
        """How strongly each sender acts, over (sequence, receiver, sender): the posterior mean, 0 for "not at all".

        In units in which the strengths of acting pairs have a mean square of 1 (the law is drawn at strength 1), with a
        sign that makes them positive on average.

        Raises:
            ConfigError: where strengths are not continuous.
        """
        return self._strength("strength")

    @property
    def strength_low(self) -> xr.DataArray:
        """Lower end of the central 95 % credible interval of `strength`, the possibility of no action included."""
        return self._strength("strength_low")

    @property
    def strength_high(self) -> xr.DataArray:
        """Upper end of that interval."""
        return self._strength("strength_high")

    def _strength(self, name: str) -> xr.DataArray:
        if name not in self.confidence:
            raise ConfigError(
                "this result knows types, and no strengths", fix="infer with strengths='continuous'"
            )
        return self.confidence[name]

    def layer(self, layer: int) -> xr.DataArray:
        """Probability of each type of one layer of a multiplex graph, the other layers summed out.

        Without layers, layer 0 is the whole graph.

        Raises:
            ConfigError: for a layer that is not there.
        """
        sizes = self.config.graph.layers or (self.config.graph.edge_types,)
        if not 0 <= layer < len(sizes):
            raise ConfigError(f"there is no layer {layer}", expected=f"0 to {len(sizes) - 1}")
        p = self.probability.transpose(..., "type")
        joint = p.to_numpy().reshape(*p.shape[:-1], *sizes)
        others = tuple(p.ndim - 1 + k for k in range(len(sizes)) if k != layer)
        coords = {name: value for name, value in p.coords.items() if "type" not in value.dims}
        return xr.DataArray(
            joint.sum(axis=others),
            dims=p.dims,
            coords=coords | {"type": np.arange(sizes[layer])},
            name=p.name,
        )

    def edges(self, *, every: bool = False) -> pd.DataFrame:
        """The inferred edges, the most probable type of each pair unless that is "no interaction".

        Columns source, target, type, probability, influence (the share of the target's motion that the source's effect
        makes up; not for baselines), then sequence and window where there is more than one graph; within a graph the
        surest first, among equals the most influential. An undirected pair is one row, with the larger influence.
        Where they were asked for: q_value, spread, low, high, influence_low, influence_high (see `docs/confidence.md`);
        strength, strength_low, strength_high, strength_std.

        Args:
            every: also the edges whose q-value is above the false-discovery rate that was asked for.
        """
        p = self.probability.transpose("sequence", ..., "receiver", "sender", "type").to_numpy()
        best = p.argmax(-1)
        off_diagonal = ~np.eye(p.shape[-2], dtype=bool)
        if self.config.graph.undirected:
            off_diagonal = np.triu(off_diagonal)
        chosen = off_diagonal & (p.max(-1) > 0)
        if self.no_interaction:
            chosen &= best > 0
        if "q_value" in self.confidence and not every:
            chosen &= self._array("q_value") <= self.config.confidence.fdr
        place = np.nonzero(chosen)
        receiver, sender = place[-2], place[-1]
        names = np.asarray(self.entities)
        table = pd.DataFrame(
            {
                "source": names[sender],
                "target": names[receiver],
                "type": best[chosen],
                "probability": p.max(-1)[chosen],
            }
        )
        order = [*place[:-2], -table["probability"].to_numpy()]
        if self.influence is not None:
            size = self.influence.to_numpy()
            if self.config.graph.undirected:
                size = np.maximum(size, size.swapaxes(-1, -2))
            table["influence"] = size[place[0], receiver, sender]
            order.append(-table["influence"].to_numpy())
        for name in self.confidence:
            values = self._array(str(name))
            where = (place[0], receiver, sender) if name in BY_RECORDING else place
            table[str(name)] = (
                values[where][np.arange(len(table)), best[chosen]] if name in BY_TYPE else values[where]
            )
        if len(self.sequences) > 1:
            table["sequence"] = np.asarray(self.sequences)[place[0]]
        if "window" in self.probability.dims:
            table["window"] = self.probability["window"].to_numpy()[place[1]]
        return table.iloc[np.lexsort(order[::-1])].reset_index(drop=True)

    def _array(self, name: str) -> np.ndarray:
        """One of the arrays of `confidence`, dimensions in the order of `edges`."""
        last = [dim for dim in ("receiver", "sender", "type") if dim in self.confidence[name].dims]
        return self.confidence[name].transpose("sequence", ..., *last).to_numpy()

    def edges_of(self, sequence: str | int = 0, window: int = 0) -> pd.DataFrame:
        """The rows of `edges` that are of one graph; arguments and errors as for `graph`."""
        position = self._position(sequence)
        table = self.edges()
        if "sequence" in table:
            table = table[table["sequence"] == self.sequences[position]]
        if "window" in table:
            count = self.probability.sizes["window"]
            if not -count <= window < count:
                raise DataError(f"there is no window {window}", expected=f"a position among {count}")
            table = table[table["window"] == self.probability["window"].to_numpy()[window]]
        return table

    def graph(self, sequence: str | int = 0, window: int = 0) -> nx.DiGraph | nx.Graph:
        """One inferred graph for NetworkX: edges source -> target with `type` and `probability`, and with continuous
        strengths theirs.

        Args:
            sequence: name or position of the recording (ignored where the graph is shared).
            window: position of the window, for per-window graphs.

        Raises:
            DataError: for a recording that is not there.
        """
        table = self.edges_of(sequence, window)
        graph: nx.DiGraph | nx.Graph = nx.Graph() if self.config.graph.undirected else nx.DiGraph()
        graph.graph["sequence"] = self.sequences[self._position(sequence)]
        graph.add_nodes_from(self.entities)
        names = ["type", "probability", *(name for name in STRENGTH if name in table)]
        ends = zip(table["source"].tolist(), table["target"].tolist(), strict=True)
        rows = zip(*(table[name].tolist() for name in names), strict=True)
        for (source, target), values in zip(ends, rows, strict=True):
            graph.add_edge(source, target, **dict(zip(names, values, strict=True)))
        return graph

    def to_pyg(self, sequence: str | int = 0, window: int = 0) -> "Data":
        """One inferred graph for PyTorch Geometric: the edges of `graph`, sender -> receiver (undirected: both ways).

        `edge_index` [2, n_edges] int64; `edge_attr` [n_edges, attribute] float32 with their names in `edge_attr_names`:
        probability, and where they are known influence and the strengths; `edge_type` [n_edges] int64; `names` of the
        nodes.

        Args:
            sequence, window: as for `graph`.

        Raises:
            ConfigError: without PyTorch Geometric (extra `pyg`). DataError: for a recording that is not there.
        """
        from edgewise.inference.pyg import pyg_graph

        return pyg_graph(self, sequence, window)

    def _position(self, sequence: str | int) -> int:
        if len(self.sequences) == 1:
            return 0
        if isinstance(sequence, int) and -len(self.sequences) <= sequence < len(self.sequences):
            return sequence % len(self.sequences)
        if str(sequence) in self.sequences:
            return self.sequences.index(str(sequence))
        raise DataError(
            f"there is no recording {sequence!r}",
            expected=f"a name or a position among {len(self.sequences)}: {', '.join(self.sequences[:5])} ...",
        )

    def law(self, kind: int = 1) -> pd.DataFrame:
        """Force against distance of one type: columns distance, force (toward the sender), low, high, density.

        For data without positions: the mean effect, rows targets, columns the sender's features.

        Raises:
            ConfigError: for a baseline, which learns no law, or an unknown type.
        """
        if self.law_record is None:
            raise ConfigError(f"{self.config.method} learns no law", fix="use method='superposition'")
        entries = {entry["type"]: entry for entry in self.law_record["types"]}
        if kind not in entries:
            raise ConfigError(f"there is no type {kind}", expected=f"one of {', '.join(map(str, entries))}")
        entry = entries[kind]
        if "table" in entry:
            table = entry["table"]
            return pd.DataFrame(table["effect"], index=table["targets"], columns=table["features"])
        return pd.DataFrame(
            {name: entry[name] for name in ("distance", "force", "low", "high", "density") if name in entry}
        )

    def forecast(
        self, steps: int = 20, samples: int = 0, *, data: Trajectories | None = None, seed: int = 0
    ) -> xr.Dataset:
        """What happens after the end of the recordings.

        Args:
            steps: frames ahead.
            samples: 0 for the expected course; otherwise so many drawn futures (graph and noise sampled).
            data: other recordings of the same entities to forecast, with the shared graph; by default those inferred
                from. A data set, or what `edgewise.data.as_dataset` makes one of.
            seed: of the draws.

        Raises:
            ConfigError: for a baseline; for `data` where every recording has a graph of its own (use `apply`).
        """
        if self.fitted is None:
            raise ConfigError(
                f"{self.config.method} learns no law to forecast with", fix="use method='superposition'"
            )
        if data is not None and self.config.graph.graph != "shared":
            raise ConfigError(
                "these recordings have no graph yet",
                expected="a shared graph, for forecasting other recordings",
                fix="infer their graphs first: result.apply(data).forecast(...)",
            )
        if data is not None:
            data = as_dataset(data)
            found = [str(name) for name in data["entity"].to_numpy()]
            if found != self.entities:
                raise DataError(
                    f"the data have {len(found)} entities, not those of the shared graph",
                    expected=f"{len(self.entities)}, in this order: {', '.join(self.entities[:5])} ...",
                    fix="select the same entities in the same order, or infer a graph for these",
                )
        past = self.tail if data is None else data
        return self.fitted.forecast(past, self.belief(), steps=steps, samples=samples, seed=seed)

    def belief(self) -> np.ndarray:
        """What a forecast starts from: the last graph of each recording as `Fitted.posterior` has it."""
        p = self.probability
        if "strength" in self.confidence:
            strength, deviation = (self.confidence[name].to_numpy() for name in ("strength", "strength_std"))
            return strength_belief(p.isel(type=1).to_numpy(), strength, deviation)
        return (p.isel(window=-1) if "window" in p.dims else p).to_numpy()

    def apply(self, data: Trajectories, *, exact: bool = False) -> "Inference":
        """Infer the graphs of new recordings with this law.

        Args:
            exact: by the exact posterior also where the method answers at once otherwise (hybrid).

        Raises:
            ConfigError: for a baseline; for `exact` of a method that has no exact posterior.
        """
        from edgewise.inference.infer import apply_law

        return apply_law(self, data, exact=exact)

    def calibrate(self, labelled: xr.Dataset) -> "Inference":
        """This result at the temperature that other, labelled systems ask for; see `docs/confidence.md`."""
        from edgewise.inference.confidence.labels import calibrate

        return calibrate(self, labelled)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write a run folder (see `docs/run-folder.md`); nothing is left half-written.

        Raises:
            RunError: if the folder is not empty (unless `overwrite`, for a run folder) or cannot be written.
        """
        from edgewise.inference.records import write_run

        return write_run(self, Path(folder), overwrite=overwrite)

    @staticmethod
    def load(folder: str | Path) -> "Inference":
        """Read a run: a folder, or a repository on a Hugging Face hub, `hf://owner/name` or `hf://owner/name@revision`.

        Raises:
            RunError: if it is none, is incomplete, or of another version; if the repository cannot be read.
            ConfigError: for a repository without `huggingface_hub` (extra `hub`).
        """
        from edgewise.inference.records import read_run

        return read_run(Path(folder))

    def push(self, repository: str, *, private: bool = True, message: str = "A run of edgewise") -> str:
        """Upload the run, with a model card, to `owner/name` on a Hugging Face hub; it is made where there is none.

        `private` is of a repository that is made; log in with `hf auth login` before.

        Returns: its name for `load`.

        Raises:
            RunError: if the hub refuses. ConfigError: without `huggingface_hub` (extra `hub`).
        """
        import tempfile

        from edgewise.hub import upload

        with tempfile.TemporaryDirectory() as scratch:
            run = self.save(Path(scratch) / "run")
            return upload(run, repository, private=private, message=message)

    def report(self, path: str | Path = "report.html") -> Path:
        """Write the page: one file, which works offline."""
        import tempfile

        from edgewise.report import write_report

        with tempfile.TemporaryDirectory() as scratch:
            run = self.save(Path(scratch) / "run")
            return write_report(run, Path(path))

    def __repr__(self) -> str:
        n = self.metrics.get("n_edges")
        return f"Inference({len(self.entities)} entities, {len(self.sequences)} graphs, {n} edges, {list(self.types)})"
