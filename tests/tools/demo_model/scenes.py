"""The demo model's world: clips of flat shapes that move over a background, and the prompts that tell of them.

A Scene is what a prompt says. render() draws one of its many clips; prompts() words it. Four of twenty-four scenes are
held out of training by a fixed rule: every word, and every pair of words, is known from others.
"""

import dataclasses
import itertools

import numpy

SIZE, FRAMES, FPS = 64, 9, 8
COLOURS = {"red": (230, 40, 40), "green": (50, 200, 70), "blue": (60, 100, 240), "yellow": (245, 220, 50),
           "purple": (170, 60, 205), "white": (245, 245, 245)}
BACKGROUNDS = {"black": (14, 14, 18), "gray": (112, 112, 116), "blue": (22, 38, 100), "green": (22, 78, 44),
               "brown": (112, 70, 40)}
SHAPES = ("ball", "square", "triangle", "ring")
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
# (motion, count): two that cross go left and right.
MOTIONS = tuple((motion, count) for motion in DIRECTIONS for count in (1, 2, 3)) + (("cross", 2),)
NEGATIVE_PROMPT = "blurry, static, worst quality"


@dataclasses.dataclass(frozen=True)
class Scene:
    """What is to be seen: `count` shapes of one colour."""

    shape: str
    colour: str
    background: str
    motion: str
    count: int


def scenes() -> list[Scene]:
    """All scenes: a colour over a background of its name is none."""
    return [Scene(shape, colour, background, motion, count)
            for shape, colour, background, (motion, count) in itertools.product(SHAPES, COLOURS, BACKGROUNDS, MOTIONS)
            if colour != background]


def is_held_out(scene: Scene) -> bool:
    """Whether training never sees it: a sixth, spread so that no two attributes tell it."""
    at = (5 * SHAPES.index(scene.shape) + 3 * list(COLOURS).index(scene.colour)
          + 2 * list(BACKGROUNDS).index(scene.background) + 4 * MOTIONS.index((scene.motion, scene.count)))
    return at % 24 in (0, 7, 13, 18)


def training_scenes() -> list[Scene]:
    return [scene for scene in scenes() if not is_held_out(scene)]


def held_out_scenes(count: int = 200) -> list[Scene]:
    """`count` of the held-out scenes, always the same and in one order."""
    held = [scene for scene in scenes() if is_held_out(scene)]
    order = numpy.random.default_rng(20).permutation(len(held))
    return [held[i] for i in order[:count]]


NAMES = {"ball": ("ball", "disc"), "square": ("square", "box"), "triangle": ("triangle",), "ring": ("ring", "hoop")}
NUMBERS = {1: ("a", "one"), 2: ("two",), 3: ("three",)}
VERBS = ("moves", "slides", "glides")
WAYS = {"left": ("left", "to the left"), "right": ("right", "to the right"), "up": ("up", "upwards"),
        "down": ("down", "downwards"), "cross": ("cross", "pass each other")}
TEMPLATES = ("{things} {does} over {ground}", "{things} {does} over a {ground} background",
             "{things} {does} on {ground}", "over {ground}, {things} {does}", "on a {ground} background {things} {does}")


def prompts(scene: Scene) -> list[str]:
    """Every wording of a scene; the first is the plainest."""
    many = scene.count > 1
    verbs = ("rolls", *VERBS) if scene.shape in ("ball", "ring") else VERBS
    if scene.motion == "cross":
        does = WAYS["cross"]
    else:
        does = [f"{verb[:-1] if many else verb} {way}" for verb in verbs for way in WAYS[scene.motion]]
    names = [name + ("es" if name == "box" else "s") * many for name in NAMES[scene.shape]]
    things = [f"{number} {scene.colour} {name}" for name in names for number in NUMBERS[scene.count]]
    return [template.format(things=thing, does=action, ground=scene.background)
            for template in TEMPLATES for thing in things for action in does]


def layout(scene: Scene, rng: numpy.random.Generator) -> tuple[numpy.ndarray, numpy.ndarray, float]:
    """Where the shapes begin and end [count, 2], x before y, and their radius: inside the picture and apart."""
    radius = rng.uniform(6.5, 8) if scene.count == 3 else rng.uniform(6.5, 9)
    lanes = {1: (32,), 2: (20, 44), 3: (11.5, 32, 52.5)}[scene.count]
    spread = {1: 18, 2: 3, 3: 1}[scene.count]
    across = numpy.array(lanes) + rng.uniform(-spread, spread, len(lanes))
    path = rng.uniform(26, 32)
    middle = 32 + rng.uniform(-1, 1, scene.count) * (SIZE / 2 - 1.5 - radius - path / 2)
    if scene.motion == "cross":
        way = numpy.array([-1, 1]) * rng.choice([-1, 1])
        middle = 32 + rng.uniform(-1, 1, 1).repeat(2) * 2
        axis = 0
    else:
        axis = 0 if DIRECTIONS[scene.motion][0] else 1
        way = numpy.full(scene.count, DIRECTIONS[scene.motion][axis])
    ends = numpy.empty((2, scene.count, 2))
    ends[:, :, 1 - axis] = across
    ends[0, :, axis], ends[1, :, axis] = middle - way * path / 2, middle + way * path / 2
    return ends[0], ends[1], radius


def distance(shape: str, x: numpy.ndarray, y: numpy.ndarray, radius: float) -> numpy.ndarray:
    """Pixels from a shape's edge, negative inside, around (0, 0)."""
    if shape == "square":
        return numpy.maximum(abs(x), abs(y)) - 0.88 * radius
    if shape == "triangle":  # upright; the three edges' half planes
        return numpy.maximum(y - 0.8 * radius, abs(x) * 0.866 - (y + 1.2 * radius) * 0.5)
    away = numpy.hypot(x, y)
    return away - radius if shape == "ball" else abs(away - 0.74 * radius) - 0.27 * radius


def render(scene: Scene, rng: numpy.random.Generator) -> numpy.ndarray:
    """One clip of a scene: uint8 [FRAMES, SIZE, SIZE, 3]; the generator says where shapes are, and how large."""
    start, end, radius = layout(scene, rng)
    y, x = numpy.mgrid[:SIZE, :SIZE] + 0.5
    clip = numpy.empty((FRAMES, SIZE, SIZE, 3))
    clip[:] = BACKGROUNDS[scene.background]
    colour = numpy.array(COLOURS[scene.colour], float)
    for frame in range(FRAMES):
        for a, b in zip(start, end):
            at = a + (b - a) * frame / (FRAMES - 1)
            cover = numpy.clip(0.5 - distance(scene.shape, x - at[0], y - at[1], radius), 0, 1)[..., None]
            clip[frame] += cover * (colour - clip[frame])
    return (clip + 0.5).astype(numpy.uint8)
