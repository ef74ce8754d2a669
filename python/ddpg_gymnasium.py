"""A task of Gymnasium as a child of ddpg: it speaks the frames of docs/protocol.md over its standard input and output.

Started as: python ddpg_gymnasium.py '{"id": "HalfCheetah-v5", "module": null, "kwargs": {}, "pictures": false}'
"""
import json
import math
import os
import select
import signal
import struct
import sys
import threading
import time
import traceback

HELLO, REQUEST, ANSWER, NAMES, ERROR, DRAW, PICTURE = 0x67706464, 1, 2, 3, 4, 5, 6
RESET, STEP = 1, 2
HEADER = struct.Struct("<II")
MAX_NAMES = 32
MAX_ERROR = 65536


class Refused(Exception):
    """Something that the user can change: its text explains it, and no traceback is needed."""


def take_pipes():
    """Keeps the two pipes for the frames. What anybody prints goes to the standard error, and nothing can read a frame."""
    frames_in, frames_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for descriptor in (frames_in, frames_out):
        os.set_inheritable(descriptor, False)
    return frames_in, frames_out


def end_with_parent(frames_in):
    """Ends this process when the other end of its input is closed, even while a step hangs."""
    if not hasattr(select, "poll"):
        return

    def watch():
        poll = select.poll()
        poll.register(frames_in, 0)
        while not any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll()):
            pass
        # A task that is not stuck sees the end itself and closes what it has open. The parent waits two seconds.
        time.sleep(1.5)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


class Pipe:
    def __init__(self, frames_in, frames_out):
        self.input = os.fdopen(frames_in, "rb")
        self.output = frames_out

    def send(self, kind, body):
        data = memoryview(HEADER.pack(len(body), kind) + body)
        while data:
            data = data[os.write(self.output, data):]

    def receive(self):
        """The type and the body of a frame; (None, b"") at the end of the input."""
        header = self.input.read(HEADER.size)
        if len(header) < HEADER.size:
            return None, b""
        length, kind = HEADER.unpack(header)
        body = self.input.read(length)
        return (kind, body) if len(body) == length else (None, b"")


def flattener(space, np, gymnasium):
    """The number of an observation's numbers, and the function that writes them to an array."""
    spaces = gymnasium.spaces
    if isinstance(space, spaces.Box):
        # Not `flatten`, which would round to the dtype of the space.
        def write(out, observation):
            out[:] = np.asarray(observation, dtype=np.float64).reshape(-1)

        return int(np.prod(space.shape)), write
    try:
        size = int(spaces.flatdim(space))
    except (NotImplementedError, ValueError):
        raise Refused(f"expected observations with a fixed number of numbers, got {space}") from None
    if isinstance(space, spaces.Dict):
        parts = [(name, *flattener(part, np, gymnasium)) for name, part in space.spaces.items()]
    elif isinstance(space, spaces.Tuple):
        parts = [(i, *flattener(part, np, gymnasium)) for i, part in enumerate(space.spaces)]
    else:

        def write(out, observation):
            out[:] = spaces.flatten(space, observation)

        return size, write

    def write(out, observation):
        at = 0
        for name, length, write_part in parts:
            write_part(out[at:at + length], observation[name])
            at += length

    return size, write


def expect_action_space(space, np, gymnasium):
    spaces = gymnasium.spaces
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
        raise Refused(
            f"expected continuous actions, got {space}. DDPG needs a Box of real numbers; "
            "many tasks have such a version, such as LunarLander-v3 with continuous=True."
        )
    if not isinstance(space, spaces.Box):
        raise Refused(f"expected actions in a Box, got {space}. Wrap the task, so that an action is one array.")
    if not np.issubdtype(space.dtype, np.floating):
        raise Refused(f"expected actions of real numbers, got {space}")
    if space.shape is None or int(np.prod(space.shape)) == 0:
        raise Refused(f"expected actions of at least one number, got {space}")
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise Refused(f"expected actions with finite bounds, got {space}. gymnasium.wrappers.RescaleAction sets them.")


def number(value):
    """A number of `info`, or None."""
    if isinstance(value, bool):
        return float(value)
    try:
        size = getattr(value, "size", 1)
        if size != 1 or isinstance(value, (str, bytes)):
            return None
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def serve(options, pipe):
    if options.get("module"):
        # As `python -m` does, so that a module beside the user is found.
        sys.path.insert(0, os.getcwd())
    try:
        import gymnasium
        import numpy as np
    except ImportError as error:
        raise Refused(
            f"{type(error).__name__}: {error}. {sys.executable} needs Gymnasium (pip install gymnasium); "
            "another Python is named with --python, or python in the library"
        ) from None
    if options.get("module"):
        import importlib

        importlib.import_module(options["module"])
    kwargs = dict(options.get("kwargs") or {})
    if options.get("pictures"):
        kwargs["render_mode"] = "rgb_array"
    env = gymnasium.make(options["id"], **kwargs)
    expect_action_space(env.action_space, np, gymnasium)
    shape, dtype = env.action_space.shape, env.action_space.dtype
    action_size = int(np.prod(shape))
    size, write = flattener(env.observation_space, np, gymnasium)
    spec = env.spec
    hello = {
        "version": 1,
        "name": options["id"],
        "observationSize": size,
        "actionLow": np.asarray(env.action_space.low, np.float64).reshape(-1).tolist(),
        "actionHigh": np.asarray(env.action_space.high, np.float64).reshape(-1).tolist(),
    }
    if spec is not None:
        if spec.max_episode_steps:
            hello["maxEpisodeSteps"] = int(spec.max_episode_steps)
        if spec.nondeterministic:
            hello["repeatable"] = False
    fps = env.metadata.get("render_fps")
    if fps:
        hello["stepSeconds"] = 1 / fps
    if options.get("pictures"):
        env.reset(seed=0)
        hello["picture"] = list(picture(env, np).shape[1::-1])
    pipe.send(HELLO, json.dumps(hello).encode())

    names = {}
    answer = np.zeros(3 + size)
    observed = answer[3:3 + size]
    request_bytes = 8 * (2 + action_size)
    while True:
        kind, body = pipe.receive()
        if kind is None:
            break
        if kind == DRAW:
            pipe.send(PICTURE, picture(env, np).tobytes())
            continue
        if kind != REQUEST or len(body) != request_bytes:
            raise Refused(f"expected a request of {request_bytes} bytes, got type {kind} with {len(body)}")
        request = np.frombuffer(body, dtype="<f8")
        command = int(request[0])
        reward, terminated, truncated, info = 0.0, False, False, {}
        if command == RESET:
            observation, info = env.reset(seed=int(request[1]))
        elif command == STEP:
            action = request[2:].astype(dtype).reshape(shape)
            observation, reward, terminated, truncated, info = env.step(action)
        else:
            raise Refused(f"expected command 1 or 2, got {command}")
        given = {}
        for name, value in info.items():
            name, value = str(name), number(value)
            if value is None or name == "":
                continue
            if name in names or len(names.keys() | given.keys()) < MAX_NAMES:
                given[name] = value
        if not given.keys() <= names.keys():
            for name in given:
                names.setdefault(name, len(names))
            pipe.send(NAMES, json.dumps(list(names)).encode())
            answer = np.zeros(3 + size + len(names))
            observed = answer[3:3 + size]
        answer[0], answer[1], answer[2] = reward, bool(terminated), bool(truncated)
        write(observed, observation)
        if names:
            answer[3 + size:] = np.nan
            for name, value in given.items():
                answer[3 + size + names[name]] = value
        pipe.send(ANSWER, answer.astype("<f8", copy=False).tobytes())
    env.close()


def picture(env, np):
    frame = env.render()
    if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.shape[2] != 3:
        raise Refused('expected a picture from render_mode="rgb_array", got something else')
    return np.ascontiguousarray(frame, dtype=np.uint8)


def main():
    frames_in, frames_out = take_pipes()
    # Ctrl-C is for the parent, which first saves what it has.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(frames_in)
    pipe = Pipe(frames_in, frames_out)
    try:
        serve(json.loads(sys.argv[1]), pipe)
    except BrokenPipeError:
        pass
    except Refused as error:
        report(pipe, str(error))
    except BaseException:
        report(pipe, traceback.format_exc())
    # Threads and libraries of the task may not want to end.
    os._exit(0)


def report(pipe, text):
    try:
        pipe.send(ERROR, text.encode("utf-8", "replace")[-MAX_ERROR:])
    except OSError:
        pass
    # The parent reads the frame and closes the pipe; it would take an end for the error otherwise.
    pipe.input.read()


if __name__ == "__main__":
    main()
