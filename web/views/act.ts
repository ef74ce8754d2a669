// "Act for a learner elsewhere": the form, the numbers and the body. A worker of its own acts, beside the page's run.
import { expect, InputError, messageOf } from "../../src/base/expect.ts";
import { parseServer, printableAddress, type ServerAddress } from "../../src/base/nats-address.ts";
import { channelOf, expectChannel } from "../../src/training/actors/channel.ts";
import { colors } from "../colors.ts";
import { type Speed, speeds } from "../experiment.ts";
import { FollowedPoses } from "../followed-poses.ts";
import { Orbit } from "../orbit.ts";
import type { ActOrder, ActorNews, ActorParts, FromActor, ToActor } from "../remote-actor.ts";
import { sceneOfTask } from "../scenes.ts";
import type { Session } from "../session.ts";
import { ShownBody } from "../shown-body.ts";
import type { Body } from "../source.ts";
import { startWorker } from "../start-worker.ts";
import { worlds } from "../worlds/index.ts";
import { find, setText, short, whole } from "./text.ts";

/** How long the worker may take to send what is left, in ms. */
const stopMs = 8000;

export function actView(session: Session): void {
  const fold = find<HTMLDetailsElement>("#act");
  const input = (name: string): HTMLInputElement => find<HTMLInputElement>(`#act-${name}`);
  const [address, channel, user, password, noise] = ["address", "channel", "user", "password", "noise"].map(input);
  const speed = find<HTMLSelectElement>("#act-speed");
  const stop = find<HTMLButtonElement>("#act-stop");
  speed.append(...speeds.map((each) => new Option(speedName(each), String(each))));
  speed.value = "Infinity";
  channel.value = channelOf(session.store.state.experiment.task);

  let worker: Worker | null = null;
  let shown: ShownActor | null = null;
  let news: ActorNews | null = null;
  let isAsked = false;
  let isStopping = false;
  let drawnAt = 0;

  const tell = (actor: ToActor): void => worker?.postMessage({ actor });
  /** Shows whether the page acts, and an error, or "" for none. */
  const show = (error: string): void => {
    const isActing = worker !== null;
    stop.hidden = !isActing;
    // A second press would drop what is on its way.
    stop.disabled = isStopping;
    find("#act-start").hidden = isActing;
    for (const each of [address, channel, user, password, noise]) each.disabled = isActing;
    setText(find("#act-error"), error);
    // An old line would be taken for one about this.
    setText(find("#act-line"), "");
  };
  /** Ends the worker. Tests read the phase. */
  const end = (phase: "ended" | "stopped" | "failed", error = ""): void => {
    worker?.terminate();
    worker = null;
    isStopping = false;
    show(error);
    fold.dataset.phase = phase;
  };
  const take = (given: ActorNews): void => {
    // An answer may have been on its way when the user pressed "Stop".
    const now: ActorNews = isStopping && given.phase === "acting" ? { ...given, phase: "stopping", line: "" } : given;
    news = now;
    isAsked = false;
    fold.dataset.phase = now.phase;
    setText(find("#act-state"), inWords(now, channel.value));
    setText(find("#act-sent"), whole(now.sent));
    setText(find("#act-rate"), now.perSecond > 0 ? whole(now.perSecond) : "–");
    setText(find("#act-version"), now.run === "" ? "–" : whole(now.version));
    setText(find("#act-ratio"), short(now.ratio));
    setText(find("#act-return"), short(now.return));
    if (now.parts) {
      shown?.close();
      shown = new ShownActor(now, find("#act-body"));
    }
    if (now.phase === "ended" || now.phase === "stopped") end(now.phase);
    setText(find("#act-line"), now.line);
  };

  find("#act form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (worker) return;
    let order: ActOrder;
    try {
      order = { ...read(), speed: Number(speed.value) };
    } catch (error) {
      show(messageOf(error));
      return;
    }
    worker = startWorker("actor");
    news = null;
    isAsked = false;
    shown?.close();
    shown = null;
    worker.onmessage = ({ data }: MessageEvent<FromActor>) => {
      if ("failed" in data) {
        find("#act-work").hidden = news === null;
        setText(find("#act-state"), "");
        end("failed", data.failed);
      } else take(data.news);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      end("failed", `The worker stopped: ${event.message || "its script could not be loaded"}.`);
    };
    tell({ act: order });
    setText(find("#act-state"), "Connecting …");
    // The numbers of the last time would be taken for those of this one.
    setText(find("#act-sent"), "0");
    for (const name of ["rate", "version", "ratio", "return"]) setText(find(`#act-${name}`), "–");
    find("#act-work").hidden = false;
    fold.dataset.phase = "connecting";
    show("");
    if (fold.contains(document.activeElement)) stop.focus();
  });

  /** Reads the form. A login in the address moves into its fields, where it cannot be read. */
  const read = (): Omit<ActOrder, "speed"> => {
    const typed = address.value.trim();
    const hint = "A page can only use a WebSocket: the server needs a websocket block.";
    expect(
      /^wss?:\/\//i.test(typed),
      "address",
      "ws://host:port or wss://host:port",
      printableAddress(typed) || "none",
      hint,
    );
    const { user: named, password: secret, token, ...place } = parseServer(typed, "address");
    address.value = place.printable;
    if (named !== undefined || token !== undefined) user.value = named ?? "";
    const given = secret ?? token;
    if (given !== undefined) password.value = given;
    expectReachable(place);
    const size = noise.value.trim();
    const noiseScale = size === "" ? null : Number(size);
    const isSize = noiseScale === null || (Number.isFinite(noiseScale) && noiseScale >= 0);
    expect(isSize, "size of the noise", "a number of at least 0", size);
    return {
      address: place,
      login: { user: user.value, password: password.value },
      channel: expectChannel(channel.value.trim(), "channel"),
      noiseScale,
    };
  };

  stop.addEventListener("click", () => {
    if (!worker) return;
    const stopped = worker;
    // Before the first transition there is nothing to send.
    if (news?.phase !== "acting") {
      setText(find("#act-state"), "Stopped.");
      end("stopped");
      return;
    }
    tell("stop");
    isStopping = true;
    show("");
    fold.dataset.phase = "stopping";
    setText(find("#act-state"), inWords({ ...news, phase: "stopping" }, channel.value));
    setTimeout(() => {
      if (worker !== stopped) return;
      setText(find("#act-state"), "");
      end("failed", "The server did not take what was left. The learner keeps what it took before.");
    }, stopMs);
  });
  speed.addEventListener("change", () => tell({ speed: Number(speed.value) }));

  session.onDraw.push(() => {
    const now = performance.now();
    const seconds = (now - drawnAt) / 1000;
    drawnAt = now;
    if (worker && !isAsked) {
      isAsked = true;
      tell("pull");
    }
    if (fold.open && news?.body && shown) shown.draw(news.body, seconds);
  });
}

/** Throws an InputError if browsers refuse an address before they ask anybody. */
function expectReachable({ printable, hostname, isEncrypted }: ServerAddress): void {
  const isNear = /^(localhost|127\.\d+\.\d+\.\d+|::1)$|\.localhost$/.test(hostname);
  if (location.protocol !== "https:" || isEncrypted || isNear) return;
  throw new InputError(
    `This page came through https, so browsers let it use only wss://, and not ${printable}. Give the server's websocket block a certificate.`,
  );
}

function speedName(speed: Speed): string {
  return speed === Infinity ? "as fast as the learner learns" : speed === 1 ? "real time" : `${speed} × real time`;
}

function inWords({ phase, isLost, isAlone, run, task, noise, sent }: ActorNews, channel: string): string {
  const kept = `The learner keeps the ${whole(sent)} transitions that were sent.`;
  if (phase === "ended") return `The learner's run is over. It got ${whole(sent)} transitions from this page.`;
  if (phase === "stopped") return `Stopped. ${kept}`;
  if (phase === "stopping" && !isLost) return "Stopping: sending what is left …";
  if (isLost) return "The connection is lost. The page tries to connect again and then sends the rest.";
  if (phase === "connecting") return "Connecting …";
  if (phase === "joining") return `Connected. Waiting for a learner on channel ${channel}.`;
  if (phase === "loading") return `Loading ${task} …`;
  if (isAlone) return "Connected. The learner says nothing: waiting for it.";
  return `Connected. Acting in ${task} for run ${run.slice(0, 8)}, with ${noise}.`;
}

/** The actor's body, flat or in 3D. */
class ShownActor {
  readonly #host: HTMLElement;
  #flat: ((body: Body, seconds: number) => void) | undefined;
  #solid: ((body: Body, seconds: number) => void) | undefined;
  #dispose: () => void = () => {};
  #isClosed = false;

  constructor({ task, parts }: ActorNews, host: HTMLElement) {
    this.#host = host;
    const scene = sceneOfTask(task);
    const world = worlds[task];
    if (!scene.isSolid && world) {
      const canvas = document.createElement("canvas");
      canvas.role = "img";
      canvas.ariaLabel = `The body of ${task} at work`;
      host.replaceChildren(canvas);
      const draw = world.open(canvas);
      const shown = new ShownBody(scene);
      const { from, to } = scene.action;
      this.#flat = (body, seconds) => {
        shown.follow(body, seconds);
        const action = (2 * (body.action[0] - from)) / (to - from) - 1;
        draw({ state: shown.state, action, colors: colors(), isHeld: false, crowd: [], point: null });
      };
    } else if (parts) void this.#open(task, parts);
  }

  draw(body: Body, seconds: number): void {
    this.#flat?.(body, seconds);
    this.#solid?.(body, seconds);
  }

  close(): void {
    this.#isClosed = true;
    this.#dispose();
    this.#host.replaceChildren();
  }

  async #open(task: string, { shapes, camera, stepSeconds }: ActorParts): Promise<void> {
    this.#host.textContent = "Loading the 3D view …";
    try {
      const { Stage } = await import("../worlds/stage.ts");
      if (this.#isClosed) return;
      const stage = new Stage(shapes, camera);
      this.#dispose = () => stage.dispose();
      const orbit = new Orbit();
      orbit.begin(camera);
      orbit.listen(stage.canvas);
      stage.canvas.setAttribute("role", "img");
      stage.canvas.setAttribute("aria-label", `The body of ${task} at work, in 3D`);
      this.#host.replaceChildren(stage.canvas);
      const poses = new FollowedPoses();
      this.#solid = (body, seconds) => {
        poses.advance(seconds);
        poses.follow(body, stepSeconds);
        const { moment } = poses;
        if (moment) stage.draw(moment, orbit, colors(), seconds, null);
      };
    } catch (error) {
      if (!this.#isClosed)
        this.#host.textContent = `This browser cannot draw the 3D view, but the body acts. ${messageOf(error)}`;
    }
  }
}
