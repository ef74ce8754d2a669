/** A canvas that is as sharp as the display. */
export class Canvas {
  readonly element: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;

  constructor(element: HTMLCanvasElement) {
    const context = element.getContext("2d");
    if (!context) throw new Error("This browser gives no canvas to draw on.");
    this.element = element;
    this.context = context;
  }

  /** Clears it and returns its size in CSS pixels, in which is drawn. */
  begin(): [width: number, height: number] {
    const { element, context } = this;
    const [width, height] = [element.clientWidth, element.clientHeight];
    const ratio = devicePixelRatio;
    const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (element.width !== columns || element.height !== rows) {
      element.width = columns;
      element.height = rows;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return [width, height];
  }
}
