"""The taggers' making: the ONNX file computes what the network does, and labels and pictures are what they say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lora_workbench.demo.world.creatures import own_tags, render, world
from lora_workbench.demo.world.tagger_data import HYBRID_BODIES, augmented, label_row, labels, shrink, tagger_picture
from lora_workbench.demo.world.tagger_nets import PlainNet, ResidualNet, export_onnx


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the exporter used needs no package beside onnx
@pytest.mark.parametrize("kind", [PlainNet, ResidualNet])
def test_the_onnx_file_computes_what_the_network_does(kind: type[torch.nn.Module], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(1)
    net = kind(48).train()
    image = render(tagger_picture(1)[0])
    small = torch.from_numpy(shrink(image))[None].permute(0, 3, 1, 2).float() / 127.5 - 1
    net(torch.cat([small, -small, small * 0.5]))  # so that the norms' running statistics are not what they start with
    with torch.no_grad():
        net.head[1].weight *= 30  # far from 0.5, as a trained one is
        expected = torch.sigmoid(net.eval()(small)).numpy()
    export_onnx(net, str(tmp_path / "model.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    large = np.asarray(image.resize((448, 448), Image.Resampling.BICUBIC), dtype=np.float32)[:, :, ::-1]
    given = session.run(None, {"input": np.stack([large, large])})[0]
    np.testing.assert_allclose(given, np.repeat(expected, 2, axis=0), atol=0.01)  # shrink rounds colours to whole numbers
    assert np.ptp(expected) > 0.2


def test_every_picture_is_labelled_by_what_is_drawn() -> None:
    names = [name for name, _ in labels()]
    kinds = set()
    for seed in range(60):
        creature, tags = tagger_picture(seed)
        row = dict(zip(names, label_row(tags), strict=True))
        assert set(tags) <= set(names) and row["general"] == 1 and row["explicit"] == 0
        assert {name for name, value in row.items() if value} == {*tags, "general"}
        for name in world()["held_back"]:
            own = set(own_tags(name)) & set(tags)
            if name in tags:
                assert own == set(own_tags(name)) and creature.name == name
            elif own:  # only a part of the creature: its body alone, or its limbs on another body
                kinds.add("part")
                assert own == {own_tags(name)[0]} or (own == set(own_tags(name)[1:]) and set(HYBRID_BODIES) & set(tags))
        kinds.add(creature.name if set(world()["held_back"]) & set(tags) else "other")
    assert kinds == {"zibbo", "mirra", "part", "other"}


def test_augmentation_keeps_the_range_and_at_strength_zero_the_picture() -> None:
    pictures = torch.from_numpy(np.stack([shrink(render(tagger_picture(seed)[0])) for seed in range(4)]))
    plain = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    generator = torch.Generator().manual_seed(0)
    torch.testing.assert_close(augmented(pictures, generator, 0.0), plain, atol=1e-4, rtol=0)
    changed = augmented(pictures, generator, 1.0)
    assert changed.abs().max() <= 1 and (changed - plain).abs().mean() > 0.02
