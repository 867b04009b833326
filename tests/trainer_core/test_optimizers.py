"""Each optimizer comes from its library, learns, resumes, and its arguments are checked against the real signatures."""

import copy
import importlib
import inspect
import io
import logging
from typing import Any

import pytest
import torch

from lora_workbench.benchmarks.same_run import same
from lora_workbench.trainer_core.optimizer_checks import optimizer_problems
from lora_workbench.trainer_core.optimizer_table import TABLE, ParameterGroup, sets_own_rate, sets_own_schedule
from lora_workbench.trainer_core.optimizers import averaged, load_class, load_optimizer, make_optimizer, shown_rates
from lora_workbench.trainer_core.problems import UserError
from lora_workbench.trainer_core.settings import Settings, SettingsError
from lora_workbench.trainer_core.settings.optimizer import OPTIMIZERS
from lora_workbench.trainer_core.state import are_finite

RATES = {
    "SGDNesterov": 30.0, "SGDNesterov8bit": 30.0, "AdaFactor": 0.01, "SGDScheduleFree": 30.0, "AdamWScheduleFree": 0.03,
    "RAdamScheduleFree": 0.03,
    **dict.fromkeys((name for name, spec in TABLE.items() if spec.adaptive), 1.0),
}  # fmt: skip
STEPS = {"DAdaptLion": 300, "DAdaptAdam": 300, "AdaFactor": 600, "DAdaptSGD": 400}
ARGUMENTS = {"DAdaptSGD": ["growth_rate=1.05", "momentum=0.9"]}  # what the plan advises


def settings_for(name: str, **more: Any) -> Settings:
    more.setdefault("optimizer_args", ARGUMENTS.get(name))
    return Settings.of(optimizer_type=name, learning_rate=RATES.get(name, 0.01), **more)


def test_table_names_every_optimizer() -> None:
    assert set(TABLE) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", TABLE)
def test_arguments_are_those_of_the_real_class(name: str) -> None:
    module, _, cls = TABLE[name].import_path.rpartition(".")
    real = set(inspect.signature(getattr(importlib.import_module(module), cls).__init__).parameters)
    left_out = {"self", "params", "lr", "optim_bits", "args", "fsdp_in_use", "nesterov", "kwargs", "fused_back_pass"}
    refused = (
        {"amsgrad"} if "AdamW" in name and TABLE[name].package == "bitsandbytes" else set()
    )  # in its signature, and an error in its body
    assert set(TABLE[name].arguments) == real - left_out - refused


def problem(seed: int = 0) -> tuple[torch.nn.Parameter, torch.nn.Parameter, torch.Tensor]:
    """A rank-4 product that must meet a matrix: what a LoRA does."""
    draw = torch.Generator().manual_seed(seed)
    up = torch.nn.Parameter(torch.randn(96, 4, generator=draw) * 0.1)
    down = torch.nn.Parameter(torch.randn(4, 96, generator=draw) * 0.1)
    return up, down, torch.randn(96, 4, generator=draw) @ torch.randn(4, 96, generator=draw) / 2


def steps(optimizer: torch.optim.Optimizer, up: torch.Tensor, down: torch.Tensor, target: torch.Tensor, count: int) -> float:
    for _ in range(count):
        loss = ((up @ down - target) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


@pytest.mark.parametrize("name", TABLE)
def test_optimizer_learns_and_goes_on_from_its_state(name: str) -> None:
    up, down, target = problem()
    start = ((up @ down - target) ** 2).mean().item()
    optimizer = make_optimizer(settings_for(name), [ParameterGroup("unet", [up, down])])
    steps(optimizer, up, down, target, 1)
    through_a_file(optimizer)
    steps(optimizer, up, down, target, STEPS.get(name, 150) - 1)
    with averaged(optimizer):
        assert ((up @ down - target) ** 2).mean().item() < 0.7 * start
    saved, state = (up.detach().clone(), down.detach().clone()), through_a_file(optimizer)
    steps(optimizer, up, down, target, 2)

    again = [torch.nn.Parameter(saved[0].clone()), torch.nn.Parameter(saved[1].clone())]
    resumed = make_optimizer(settings_for(name), [ParameterGroup("unet", again)])
    resumed.load_state_dict(state)
    steps(resumed, again[0], again[1], target, 2)
    assert torch.equal(again[0], up) and torch.equal(again[1], down)


def through_a_file(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Its state as a resume reads it, which takes no state with numbers that went wrong."""
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    assert are_finite(state)
    return state


FREE = [name for name, spec in TABLE.items() if spec.averages]


@pytest.mark.parametrize("name", FREE)
def test_looking_at_the_average_changes_nothing(name: str) -> None:
    runs = []
    for looks in (False, True):
        up, down, target = problem()
        optimizer = make_optimizer(settings_for(name), [ParameterGroup("unet", [up, down])])
        for _ in range(5):
            steps(optimizer, up, down, target, 7)
            trained = up.detach().clone()
            if looks:
                with averaged(optimizer):
                    assert not torch.equal(up, trained)
                assert torch.equal(up, trained)
        runs.append((up, down))
    assert torch.equal(runs[0][0], runs[1][0]) and torch.equal(runs[0][1], runs[1][1])


@pytest.mark.parametrize("name", ["AdamWScheduleFree", "SGDScheduleFree"])
def test_the_average_is_that_of_the_schedule_free_paper(name: str) -> None:
    """x, the weighted mean of the z's (Defazio et al. 2024): with weights lr² and no warm-up their plain mean."""
    up, down, target = problem()
    optimizer = make_optimizer(settings_for(name), [ParameterGroup("unet", [up, down])])
    passed = []
    for _ in range(6):
        steps(optimizer, up, down, target, 1)
        passed.append(optimizer.state[up]["z"].clone())
    with averaged(optimizer):
        torch.testing.assert_close(up.detach(), torch.stack(passed).mean(dim=0), rtol=1e-4, atol=1e-6)


ADAPTIVE = [name for name, spec in TABLE.items() if spec.adaptive]


@pytest.mark.parametrize("name", ADAPTIVE)
def test_parts_with_other_rates_get_an_optimizer_of_their_own(name: str) -> None:
    """The half-rate part is as it would be alone; so the other's rate neither acts on it nor is lost by a resume."""
    both, alone = problem(), problem(1)
    only = make_optimizer(settings_for(name, unet_lr=1.0), [ParameterGroup("unet", alone[:2])])
    settings = settings_for(name, unet_lr=1.0, text_encoder_lr=[0.5])
    groups = [ParameterGroup("text_encoder", both[:2]), ParameterGroup("unet", (other := problem(1))[:2])]
    optimizer = make_optimizer(settings, groups)
    steps(only, *alone, 30)
    for _ in range(30):
        for up, down, target in (both, other):
            ((up @ down - target) ** 2).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert torch.equal(other[0], alone[0]) and torch.equal(other[1], alone[1])
    assert set(shown_rates(optimizer)) == {"text_encoder", "unet"}

    resumed = make_optimizer(settings, groups)
    resumed.load_state_dict(through_a_file(optimizer))
    assert shown_rates(resumed) == shown_rates(optimizer)
    assert [group["lr"] for group in resumed.param_groups] == [0.5, 1.0]


def test_block_weights_are_factors_of_the_rate() -> None:
    (up, down, _), (other, _, _) = problem(), problem(1)
    groups = [
        ParameterGroup("unet", [up]),
        ParameterGroup("unet", [down], factor=0.25),
        ParameterGroup("unet", [other], factor=0),
    ]
    optimizer = make_optimizer(Settings.of(learning_rate=1e-3), groups)
    assert [group["lr"] for group in optimizer.param_groups] == [1e-3, 0.25e-3]


@pytest.mark.parametrize(
    ("words", "rates"),
    [
        (["loraplus_lr_ratio=4"], [1e-3, 4e-3, 1e-3, 4e-3]),
        (["loraplus_unet_lr_ratio=16"], [1e-3, 1e-3, 16e-3]),
        (["loraplus_lr_ratio=4", "loraplus_text_encoder_lr_ratio=2"], [1e-3, 2e-3, 1e-3, 4e-3]),
        ([], [1e-3, 1e-3]),  # ups and downs of a part are one group then
    ],
)
def test_lora_plus_lets_ups_learn_faster(words: list[str], rates: list[float]) -> None:
    draws = [torch.nn.Parameter(torch.zeros(2, 2)) for _ in range(4)]
    groups = [
        ParameterGroup(part, [parameter], is_up=is_up)
        for parameter, (part, is_up) in zip(
            draws, [(part, is_up) for part in ("text_encoder", "unet") for is_up in (False, True)], strict=True
        )
    ]
    optimizer = make_optimizer(Settings.of(learning_rate=1e-3, network_args=words), groups)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(rates)


@pytest.mark.parametrize("path", ["bitsandbytes.optim.AdEMAMix8bit", "torch.optim.RAdam", "pytorch_optimizer.CAME"])
def test_a_class_of_an_installed_package_is_an_optimizer(path: str) -> None:
    up, down, target = problem()
    settings = Settings.of(optimizer_type=path, learning_rate=0.01, optimizer_args=["weight_decay=0.0"])
    optimizer = make_optimizer(settings, [ParameterGroup("unet", [up, down])])
    assert (
        f"{type(optimizer).__module__}".startswith(path.partition(".")[0]) and type(optimizer).__name__ == path.split(".")[-1]
    )
    start = ((up @ down - target) ** 2).mean().item()
    assert steps(optimizer, up, down, target, 150) < 0.7 * start


@pytest.mark.parametrize("path", ["os.system", "torch.optim.__import__('os').X", "subprocess.Popen", "torch.optimX.AdamW"])
def test_classes_from_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(SettingsError, match="is not a class that can be used here; it may come from torch.optim"):
        Settings.of(optimizer_type=path)


def test_8_bit_optimizers_say_nothing_of_packages_that_no_one_needs() -> None:
    load_class("optimizer_type", "bitsandbytes.optim.AdamW8bit")
    assert not logging.getLogger("bitsandbytes.backends.cpu.ops").isEnabledFor(logging.WARNING)


def test_what_is_wrong_with_a_class_is_one_sentence() -> None:
    groups = [ParameterGroup("unet", [torch.nn.Parameter(torch.zeros(2, 2))])]
    with pytest.raises(UserError, match="optimizer_type torch.optim.AdamQ can't be used"):
        make_optimizer(Settings.of(optimizer_type="torch.optim.AdamQ"), groups)
    with pytest.raises(UserError, match="torch.optim.RAdam doesn't take its optimizer_args: .*no_such"):
        make_optimizer(Settings.of(optimizer_type="torch.optim.RAdam", optimizer_args=["no_such=1"]), groups)


def codes(settings: Settings) -> dict[str, str]:
    return {one.code: one.severity for one in optimizer_problems(settings)}


def test_unknown_argument_is_named_with_its_neighbour() -> None:
    found = optimizer_problems(Settings.of(optimizer_type="Prodigy", learning_rate=1.0, optimizer_args=["d_coeff=2"]))
    assert [(one.severity, one.code) for one in found] == [("error", "unknown-optimizer-argument")]
    assert "d_coeff" in found[0].message and "d_coef?" in found[0].fix


@pytest.mark.parametrize("word", ["weight_decay=much", "betas=0.9", "decouple=3", "lr=1"])
def test_values_of_the_wrong_kind_are_errors(word: str) -> None:
    assert codes(Settings.of(optimizer_type="Prodigy", learning_rate=1.0, optimizer_args=[word]))["bad-argument"] == "error"


def test_the_guides_arguments_are_right() -> None:
    prodigy = ["decouple=True", "weight_decay=0.01", "d_coef=2", "use_bias_correction=True", "safeguard_warmup=True"]
    assert codes(Settings.of(optimizer_type="Prodigy", learning_rate=1.0, optimizer_args=prodigy)) == {}
    dadapt = ["decouple=True", "weight_decay=0.01", "betas=0.9,0.999"]
    assert codes(Settings.of(optimizer_type="DAdaptAdam", learning_rate=1.0, optimizer_args=dadapt)) == {}
    adafactor = ["relative_step=True", "scale_parameter=True", "warmup_init=True"]
    assert codes(Settings.of(optimizer_type="AdaFactor", optimizer_args=adafactor)) == {"rates-unused": "note"}


@pytest.mark.parametrize("name", ["Prodigy", "DAdaptAdam"])
def test_the_terminal_is_the_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = Settings.of(optimizer_type=name, optimizer_args=["decouple=True"], learning_rate=1.0)
    make_optimizer(chosen, [ParameterGroup("unet", [torch.nn.Parameter(torch.zeros(2, 2))])])
    assert capsys.readouterr().out == ""


def test_adaptive_optimizers_want_one_rate_near_one() -> None:
    assert codes(Settings.of(optimizer_type="Prodigy", unet_lr=1.0, text_encoder_lr=[0.5]))["rates-differ"] == "note"
    assert codes(Settings.of(optimizer_type="Prodigy", learning_rate=1e-4))["rate-too-low"] == "warning"
    assert codes(Settings.of(optimizer_type="Prodigy", unet_lr=1.0, text_encoder_lr=[0.0])) == {}


def test_parts_keep_their_own_rates() -> None:
    up, down, _ = problem()
    groups = [ParameterGroup("text_encoder", [down]), ParameterGroup("unet", [up])]
    optimizer = make_optimizer(Settings.of(unet_lr=1e-3, text_encoder_lr=[1e-4]), groups)
    assert shown_rates(optimizer) == {"text_encoder": 1e-4, "unet": 1e-3}


def test_only_adafactor_with_relative_step_sets_its_own_schedule() -> None:
    assert sets_own_schedule(Settings.of(optimizer_type="AdaFactor"))
    assert not sets_own_schedule(Settings.of(optimizer_type="AdaFactor", optimizer_args=["relative_step=False"]))
    assert not sets_own_schedule(Settings.of(optimizer_type="AdamW"))
    assert not sets_own_rate(Settings.of(optimizer_type="AdamWScheduleFree"))
    assert sets_own_schedule(Settings.of(optimizer_type="AdamWScheduleFree"))


def test_a_loaded_optimizer_keeps_its_numbers_as_they_were_saved() -> None:
    """ProdigyPlusScheduleFree has numbers in bf16, which torch would turn into the parameters' precision."""

    def made() -> tuple[torch.nn.Parameter, torch.optim.Optimizer]:
        parameter = torch.nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4))
        groups = [ParameterGroup("unet", [parameter])]
        return parameter, make_optimizer(Settings.of(optimizer_type="ProdigyPlusScheduleFree", learning_rate=1), groups)

    def step(parameter: torch.nn.Parameter, optimizer: torch.optim.Optimizer) -> None:
        parameter.grad = parameter.detach() * 3 + 1
        optimizer.step()

    parameter, optimizer = made()
    step(parameter, optimizer)
    saved = copy.deepcopy(optimizer.state_dict())
    assert any(value.dtype == torch.bfloat16 for value in saved["state"][0].values() if isinstance(value, torch.Tensor))
    again, resumed = made()
    again.data.copy_(parameter.data)
    load_optimizer(resumed, saved)
    for one, own in ((parameter, optimizer), (again, resumed)):
        step(one, own)
    assert torch.equal(parameter, again) and same(optimizer.state_dict(), resumed.state_dict())
