"""Says what a clip shows, by its pixels alone: the Scene, with None for each attribute that cannot be told."""

import collections
import itertools

import numpy

import scenes

SMALLEST = 40  # pixels of a shape
FAR = 60  # how far a colour is from the background's, of 442
SHORTEST = 10  # pixels of a motion
TEMPLATE = 12


def nearest(colour: numpy.ndarray, palette: dict[str, tuple[int, int, int]]) -> str | None:
    """The palette's name of a colour; None where it is far from all."""
    away = {name: float(numpy.linalg.norm(colour - numpy.array(value, float))) for name, value in palette.items()}
    name = min(away, key=away.get)
    return name if away[name] < FAR else None


def components(mask: numpy.ndarray) -> list[numpy.ndarray]:
    """The connected parts of a mask [H, W], each as a mask, but for specks."""
    labels = numpy.where(mask, numpy.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        padded = numpy.pad(labels, 1)
        spread = numpy.max([padded[1:-1, 1:-1], padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2],
                            padded[1:-1, 2:]], axis=0) * mask
        if (spread == labels).all():
            break
        labels = spread
    names, sizes = numpy.unique(labels[labels > 0], return_counts=True)
    return [labels == name for name, size in zip(names, sizes) if size >= SMALLEST]


def cropped(part: numpy.ndarray) -> numpy.ndarray:
    """A part stretched to TEMPLATE x TEMPLATE, as shares of covered pixels."""
    rows, columns = (numpy.flatnonzero(part.any(axis)) for axis in (1, 0))
    box = part[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1].astype(float)
    at = (numpy.arange(TEMPLATE * 4) + 0.5) / (TEMPLATE * 4)
    fine = box[(at * box.shape[0]).astype(int)][:, (at * box.shape[1]).astype(int)]
    return fine.reshape(TEMPLATE, 4, TEMPLATE, 4).mean((1, 3))


def templates() -> dict[str, numpy.ndarray]:
    y, x = numpy.mgrid[:scenes.SIZE, :scenes.SIZE] + 0.5 - scenes.SIZE / 2
    return {shape: cropped(scenes.distance(shape, x, y, 8) < 0) for shape in scenes.SHAPES}


def shape_of(part: numpy.ndarray, known: dict[str, numpy.ndarray]) -> str:
    seen = cropped(part)
    return min(known, key=lambda shape: float(abs(known[shape] - seen).mean()))


def follow(centres: list[numpy.ndarray]) -> numpy.ndarray:
    """The way [count, 2] of each shape, from its centres in each frame: from frame to frame all take the nearest."""
    last = centres[0]
    for now in centres[1:]:
        orders = [list(order) for order in itertools.permutations(range(len(now)))]
        last = now[min(orders, key=lambda order: float(numpy.hypot(*(now[order] - last).T).sum()))]
    return last - centres[0]


def motion_of(paths: numpy.ndarray) -> str | None:
    """What ways [count, 2] are called."""
    axis = int(abs(paths).min(0).argmax())
    path = paths[:, axis]
    if abs(path).min() < SHORTEST or (abs(paths[:, 1 - axis]) > abs(path)).any():
        return None
    ways = set(numpy.sign(path).astype(int).tolist())
    if len(ways) == 2:
        return "cross" if axis == 0 and len(path) == 2 else None
    way = [0, 0]
    way[axis] = ways.pop()
    return next(name for name, direction in scenes.DIRECTIONS.items() if list(direction) == way)


def most(votes: list) -> object:
    """What at least two thirds say, or None."""
    if not votes:
        return None
    (value, times), = collections.Counter(votes).most_common(1)
    return value if 3 * times >= 2 * len(votes) else None


def judge(clip: numpy.ndarray) -> scenes.Scene:
    """What uint8 [frames, H, W, 3] shows."""
    clip = clip.astype(float)
    edge = numpy.concatenate([clip[:, :2].reshape(-1, 3), clip[:, :, :2].reshape(-1, 3), clip[:, -2:].reshape(-1, 3),
                              clip[:, :, -2:].reshape(-1, 3)])
    ground = numpy.median(edge, axis=0)
    away = numpy.linalg.norm(clip - ground, axis=-1)
    # Half way to the colour: where an edge's pixels are half covered.
    top = numpy.percentile(away[away > FAR], 75) if (away > FAR).any() else FAR
    known = templates()
    parts = [components(frame > max(FAR, top / 2)) for frame in away]
    count = most([len(found) for found in parts])
    colour = None
    inside = away > max(FAR, 0.85 * top)
    if inside.any():
        colour = nearest(numpy.median(clip[inside], axis=0), scenes.COLOURS)
    shape = most([shape_of(part, known) for found in parts for part in found])
    centres = [numpy.array([numpy.argwhere(part).mean(0)[::-1] for part in found])
               for found in parts if len(found) == count]
    motion = motion_of(follow(centres)) if count else None
    return scenes.Scene(shape, colour, nearest(ground, scenes.BACKGROUNDS), motion, count)


ATTRIBUTES = ("shape", "colour", "background", "motion", "count")


def right(scene: scenes.Scene, seen: scenes.Scene) -> dict[str, bool]:
    """Which attributes a clip shows as its scene has them."""
    return {name: getattr(scene, name) == getattr(seen, name) for name in ATTRIBUTES}
