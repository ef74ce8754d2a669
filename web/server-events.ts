// The events of the server of `ddpg watch`, over a connection that is made again whenever it is lost.

/** The time between two attempts to connect, where the browser does not retry by itself, in ms. */
const retryMs = 1000;

interface ServerEvent {
  readonly name: string;
  readonly data: unknown;
}

type Listeners<Event extends ServerEvent> = {
  readonly [Name in Event["name"]]: (data: Extract<Event, { name: Name }>["data"]) => void;
};

/**
 * Calls the listener of each event that the server at `address` sends, through `attempt`, which handles errors: a message
 * may be invalid. After every loss, the server sends everything again.
 */
export function followEvents<Event extends ServerEvent>(
  address: string,
  listeners: Listeners<Event>,
  attempt: (action: () => void) => void,
  setConnected: (isConnected: boolean) => void,
): void {
  let current: EventSource | undefined;
  const connect = (): void => {
    current?.close();
    const events = new EventSource(address);
    current = events;
    for (const [name, take] of Object.entries<(data: never) => void>(listeners))
      events.addEventListener(name, ({ data }: MessageEvent<string>) => attempt(() => take(JSON.parse(data) as never)));
    events.onopen = () => setConnected(true);
    events.onerror = () => {
      setConnected(false);
      if (events.readyState === EventSource.CLOSED) setTimeout(() => events === current && connect(), retryMs);
    };
  };
  connect();
  // Browsers limit the connections to a host, and a hidden page needs none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) current?.close();
    else connect();
  });
}
