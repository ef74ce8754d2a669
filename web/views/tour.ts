// Leads a visitor through the page in five short steps, in the place of the header's words. It can be skipped at any time,
// and a browser in which it was skipped or finished does not show it again by itself.
import type { Session } from "../session.ts";
import { find, scrollBehavior, setText } from "./text.ts";

interface Stop {
  readonly title: string;
  readonly text: string;
  /** What it is about. */
  readonly about: string;
}

/** For a task with maps. */
const withMaps: readonly Stop[] = [
  {
    title: "The actor decides.",
    text: "It is a small neural network: it reads the body's state and chooses an action. Its map shows the choice for every state.",
    about: "#map-action",
  },
  {
    title: "The critic judges.",
    text: "A second network estimates the reward that is still to come. In its map, bright states promise more.",
    about: "#map-value",
  },
  {
    title: "Throw it.",
    text: "Drag the body and let go, or press the arrow keys on it. The dot in both maps is the state that it is in.",
    about: "#world",
  },
  {
    title: "See the ridge bend.",
    text: "The bright ridge leads to the goal. It turns and sharpens while the critic learns. Press Restart to see it begin.",
    about: "#map-value",
  },
  {
    title: "Look inside one update.",
    text: "All of this comes from one small step, made thousands of times. Here it is with its numbers and its code.",
    about: "#inside-tabs",
  },
];

/** For a body in 3D, which has too many numbers for a map. */
const withoutMaps: readonly Stop[] = [
  {
    title: "The actor decides.",
    text: "It is a neural network: it reads the body's position and speed and chooses what every motor does.",
    about: "#stage",
  },
  {
    title: "The critic judges.",
    text: "A second network estimates the reward that is still to come. The actor learns to choose what it rates highest.",
    about: "#stage",
  },
  {
    title: "Push it.",
    text: "Press “push it” and see whether the policy of this moment catches itself. Drag the view to look from elsewhere.",
    about: "#push",
  },
  {
    title: "See the curve rise.",
    text: "The line joins tests without noise. At first nothing works; then the body finds what pays, and the curve climbs.",
    about: "#curve",
  },
  withMaps[4],
];

/** Where the browser remembers it. */
const memory = "ddpg tour";

export function tourView(session: Session): void {
  const tour = find("#tour");
  const opener = find("#tour-open");
  const words = find("#tour-words");
  let at = 0;
  let led: Element | null = null;

  const stops = (): readonly Stop[] => (find("#maps").hidden ? withoutMaps : withMaps);
  const show = (): void => {
    const { title, text, about } = stops()[at];
    setText(find("#tour-title"), title);
    setText(find("#tour-text"), text);
    setText(find("#tour-count"), `${at + 1} of ${stops().length}`);
    find<HTMLButtonElement>("#tour-back").disabled = at === 0;
    setText(find("#tour-next"), at === stops().length - 1 ? "Look inside" : "Next");
    led?.classList.remove("led");
    const element = find(about);
    // A map is shown with its title and its legend.
    led = element.closest("#maps figure") ?? element;
    led.classList.add("led");
  };
  const go = (to: number): void => {
    at = to;
    // Only what the visitor asked for is spoken.
    words.ariaLive = "polite";
    show();
  };
  const open = (): void => {
    at = 0;
    find("#lead").hidden = opener.hidden = true;
    tour.hidden = false;
    show();
  };
  const close = (): void => {
    led?.classList.remove("led");
    led = null;
    find("#lead").hidden = opener.hidden = false;
    tour.hidden = true;
    remember();
  };
  /** The end of the tour: an update, with its numbers. */
  const lookInside = (): void => {
    close();
    session.tell({ type: session.store.state.phase === "playing" ? "look" : "update" });
    find("#inside-tab-1").focus({ preventScroll: true });
    find("#inside").scrollIntoView({ behavior: scrollBehavior() });
  };
  find("#tour-next").addEventListener("click", () => {
    if (at < stops().length - 1) go(at + 1);
    else lookInside();
  });
  find("#tour-back").addEventListener("click", () => go(at - 1));
  find("#tour-skip").addEventListener("click", () => {
    close();
    opener.focus();
  });
  tour.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") find("#tour-skip").click();
  });
  opener.addEventListener("click", () => {
    open();
    find("#tour-next").focus();
  });
  session.store.subscribe(({ experiment }, before) => {
    // The maps' view hears of the new task first.
    if (experiment.task !== before.experiment.task && !tour.hidden) queueMicrotask(show);
  });
  if (isRemembered()) opener.hidden = false;
  else open();
}

/** A browser may refuse to store anything: the tour is then shown with every visit. */
function remember(): void {
  try {
    localStorage.setItem(memory, "seen");
  } catch {}
}

function isRemembered(): boolean {
  try {
    return localStorage.getItem(memory) !== null;
  } catch {
    return false;
  }
}
