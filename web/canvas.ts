/** A canvas with one pixel per device pixel. */
export class Canvas {
  readonly element: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;

  constructor(element: HTMLCanvasElement) {
    const context = element.getContext("2d");
    if (!context) throw new Error("This browser does not support 2D canvas drawing.");
    this.element = element;
    this.context = context;
  }

  /** Clears the canvas. Returns its size in CSS pixels, the unit of drawing. */
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
