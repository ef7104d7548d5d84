"""The reference study as a recipe: search, what mattered, cross-validation, test, latent space, transfer, denoising,
variational models.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from engine import catalog
from engine.recipes.asked import PAPER
from engine.recipes.budget import step_s
from engine.recipes.hand_picked import hand_picked
from engine.recipes.paper_presets import PRESETS, Preset, Scale
from engine.recipes.paper_table import FEW_LABELS, NOISE_FACTORS, SALT_AND_PEPPER, notes, rows
from engine.recipes.steps import (
    Chosen,
    Crossval,
    Evaluate,
    Importance,
    Latent,
    Plan,
    Recipe,
    Step,
    Train,
    Work,
)
from engine.search import SearchSpec
from engine.space import reference_space
from engine.spec import ClassifierSpec, DenoisingSpec, ModelSpec, OptimSpec, RunSpec, VariationalSpec
from store.errors import RequestError

_SEARCHED = ("optimizer", "lr", "hidden")
"""What the finals take over from the search. No L2: the reference's space has none below 1e-5, and already 4e-5 costs
the 6-D autoencoder a fifth of its validation error in the first epochs; trained on tens of epochs, it needs none."""
_AUGMENT = 1.0
_BETA_TIMES = (0.2, 5.0)


def paper(
    preset: str = "quick",
    *,
    dataset: str | None = None,
    seed: int = 0,
    num_seeds: int = 1,
    device: str = "auto",
    threads: int = 1,
    name: str | None = None,
) -> Recipe:
    """The study; its finals once for each of ``num_seeds`` seeds from ``seed`` on.

    Its experiments are named PAPER-PRESET-DATASET-STEP unless ``name`` says what they begin with.

    Raises:
        RequestError: there is no such preset or data set, or a number is out of range.
    """
    if preset not in PRESETS:
        raise RequestError(f"There is no preset {preset!r}: take one of {', '.join(get_args(Preset))}.")
    if num_seeds < 1:
        raise RequestError(f"--seeds {num_seeds} trains nothing: ask for 1 or more.")
    scale = PRESETS[preset]
    chosen_set = dataset or scale.dataset
    catalog.dataset(chosen_set)
    default = "-".join([PAPER, preset, Path(chosen_set).stem, *([f"seed{seed}"] if seed else [])])
    study = _Study(
        scale=scale,
        dataset=chosen_set,
        seeds=tuple(range(seed, seed + num_seeds)),
        device=device,
        threads=threads,
    )
    return Recipe(
        name=name or default,
        title=f"the reference study on {chosen_set} ({preset})",
        steps=study.steps(),
        rows=rows(scale.folds),
        notes=notes(chosen_set),
    )


@dataclass(frozen=True, kw_only=True)
class _Study:
    scale: Scale
    dataset: str
    seeds: Sequence[int]
    device: str
    threads: int

    def steps(self) -> tuple[Step, ...]:
        scale = self.scale
        candidate = dataclasses.replace(self.spec("cae", scale.candidate_epochs), train_limit=scale.candidate_limit)
        # Long enough to learn its images by heart, were they the same in every epoch.
        cae6 = dataclasses.replace(self.spec("cae", scale.cae_epochs), augment=_AUGMENT)
        steps = (
            self.step("search", "search", self.search()),
            self.step("importance", "what mattered", Importance(of="search"), needs=["search"]),
            self.finals("cae6", "convolutional, 6-D", cae6),
            self.finals(
                "dae",
                "denoising, 6-D, on a range of noise",
                self.spec("dae", scale.dae_epochs, DenoisingSpec(noise=f"0..{NOISE_FACTORS[-1]}")),
            ),
            self.finals("vae6", "variational, 6-D", self.spec("vae", scale.vae_epochs, VariationalSpec())),
            self.finals("vae2", "variational, 2-D", self.spec("vae", scale.vae_epochs, VariationalSpec(latent_dim=2))),
            self.other_betas(),
            self.finals(
                "dae-single",
                "denoising, 6-D, on one level of noise",
                self.spec("dae", scale.dae_single_epochs, DenoisingSpec(noise=f"{NOISE_FACTORS[0]}")),
            ),
            self.step(
                "candidates",
                "the best configurations, retrained",
                Train(
                    plans=tuple(
                        Plan(
                            spec=candidate,
                            chosen=Chosen(search="search", take=(*_SEARCHED, "weight_decay", "latent_dim"), rank=rank),
                        )
                        for rank in range(scale.top)
                    )
                ),
                needs=["search"],
            ),
            self.step(
                "crossval",
                f"cross-validation, {scale.folds} folds",
                Crossval(of="candidates", top=scale.top, folds=scale.folds),
                needs=["candidates"],
                crossval_of=dataclasses.replace(candidate, folds=scale.folds),
            ),
            self.classifier("classifier-frozen", "classifier on frozen convolutions", "convolutions"),
            self.classifier("classifier-finetuned", "classifier, fine-tuned", "none"),
            self.classifier("classifier-scratch", "classifier from scratch", None),
            self.classifier("few-frozen", f"{FEW_LABELS} labels, frozen convolutions", "convolutions", few=True),
            self.classifier("few-scratch", f"{FEW_LABELS} labels, from scratch", None, few=True),
            self.step("test", "test figures", Evaluate(of=("cae6", "vae6", "vae2")), needs=["cae6", "vae6", "vae2"]),
            self.step(
                "test-noise",
                "test figures under noise",
                Evaluate(
                    of=("dae", "dae-single"),
                    noise=(f"gaussian:{','.join(f'{factor:g}' for factor in NOISE_FACTORS)}", SALT_AND_PEPPER),
                ),
                needs=["dae", "dae-single"],
            ),
            self.latent("latent6", "latent space, 6-D", "cae6", ("pca", "tsne")),
            self.latent("latent-vae6", "latent space, variational, 6-D", "vae6", ("pca", "tsne")),
            self.latent("latent-vae2", "latent space, variational, 2-D", "vae2", ("raw",)),
        )
        return steps

    def step(
        self, id: str, title: str, work: Work, *, needs: Sequence[str] = (), crossval_of: RunSpec | None = None
    ) -> Step:
        return Step(id=id, title=title, work=work, needs=tuple(needs), budget_s=step_s(work, crossval_of))

    def spec(self, kind: str, epochs: int, model: ModelSpec | None = None, **optim: Any) -> RunSpec:
        scale = self.scale
        model = dataclasses.replace(model or ModelSpec(), width=scale.width, depth=scale.depth)
        return RunSpec(
            kind=kind,
            dataset=self.dataset,
            epochs=epochs,
            seed=self.seeds[0],
            device=self.device,
            threads=self.threads,
            train_limit=scale.train_limit,
            model=model,
            optim=OptimSpec(batch_size=scale.batch_size, **optim),
        )

    def search(self) -> SearchSpec:
        scale, space = self.scale, reference_space()
        # Every run of a search has the same length of schedule and no early end: so curves compare, and who is
        # unpromising is the pruner's to say.
        base = dataclasses.replace(self.spec("cae", scale.search_epochs, patience=0), train_limit=scale.search_limit)
        return SearchSpec(
            base=base,
            space=space,
            num_trials=scale.num_trials,
            at_least={"optimizer": scale.at_least},
            first=hand_picked(space)[: scale.num_first],
        )

    def finals(self, id: str, title: str, spec: RunSpec) -> Step:
        """One run a seed, with the configuration that was best at 6 dimensions (the 2-D model has the same one)."""
        chosen = Chosen(search="search", take=_SEARCHED, where={"latent_dim": 6})
        plans = tuple(Plan(spec=dataclasses.replace(spec, seed=seed), chosen=chosen) for seed in self.seeds)
        return self.step(id, title, Train(plans=plans), needs=["search"])

    def other_betas(self) -> Step:
        """The 6-D variational model with the KL weighted less and more: rate and distortion."""
        chosen = Chosen(search="search", take=_SEARCHED, where={"latent_dim": 6})
        models = [VariationalSpec(beta=times * VariationalSpec().beta) for times in _BETA_TIMES]
        specs = [self.spec("vae", self.scale.vae_epochs, model) for model in models]
        plans = tuple(Plan(spec=spec, chosen=chosen) for spec in specs)
        return self.step("vae-beta", "variational, 6-D, other weights of the KL", Train(plans=plans), needs=["search"])

    def classifier(self, id: str, title: str, freeze: str | None, *, few: bool = False) -> Step:
        """A class head on the encoder of ``cae6`` (``freeze`` None: from scratch), Adam at its usual rate."""
        scale = self.scale
        model = ClassifierSpec(freeze=freeze or "none")  # type: ignore[arg-type]  # checked on construction
        whole = scale.frozen_epochs if freeze == "convolutions" else scale.classifier_epochs
        spec = self.spec("classifier", scale.few_labels_epochs if few else whole, model, lr=2e-3)
        if few:
            spec = dataclasses.replace(spec, train_limit=FEW_LABELS)
        elif freeze == "convolutions":
            # So little is left to do of a step that small batches would cost time for nothing; the rate goes with the
            # root of the batch.
            larger = scale.frozen_batch_size / scale.batch_size
            lr = spec.optim.lr * larger**0.5
            optim = dataclasses.replace(spec.optim, batch_size=scale.frozen_batch_size, lr=lr)
            spec = dataclasses.replace(spec, optim=optim)
        # Of the shape that the encoder has; the rates of an autoencoder say nothing about a classifier's.
        chosen = Chosen(search="search", take=("hidden",), where={"latent_dim": 6})
        plans = tuple(
            Plan(
                spec=dataclasses.replace(spec, seed=seed),
                chosen=chosen,
                encoder_of="cae6" if freeze else None,
            )
            for seed in self.seeds
        )
        return self.step(id, title, Train(plans=plans), needs=["search", *(["cae6"] if freeze else [])])

    def latent(self, id: str, title: str, of: str, methods: tuple[str, ...]) -> Step:
        return self.step(id, title, Latent(of=of, methods=methods, limit=self.scale.latent_limit), needs=[of])
