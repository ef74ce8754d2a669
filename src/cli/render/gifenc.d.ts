/** What is used of the package gifenc, which brings no types. */
declare module "gifenc" {
  interface FrameOptions {
    /** At the first frame, for all of them: red, green and blue of each color. */
    palette?: number[][];
    /** In ms; kept in hundredths of a second. */
    delay: number;
    transparent: boolean;
    transparentIndex: number;
    /** 1: what is shown stays where the next frame is transparent. */
    dispose: number;
  }

  const gifenc: {
    GIFEncoder(): {
      /** A frame of indices in the palette. */
      writeFrame(pixels: Uint8Array, width: number, height: number, options: FrameOptions): void;
      finish(): void;
      /** A copy. */
      bytes(): Uint8Array;
    };
  };
  export default gifenc;
}
