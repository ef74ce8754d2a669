/** The part of the package gifenc that we use. It has no types of its own. */
declare module "gifenc" {
  interface FrameOptions {
    /** Given with the first frame, for all frames: red, green and blue of each color. */
    palette?: number[][];
    /** Time until the next frame in ms. Stored in hundredths of a second. */
    delay: number;
    transparent: boolean;
    transparentIndex: number;
    /** 1: the previous frame stays visible where this one is transparent. */
    dispose: number;
  }

  const gifenc: {
    GIFEncoder(): {
      /** Writes a frame of palette indices. */
      writeFrame(pixels: Uint8Array, width: number, height: number, options: FrameOptions): void;
      finish(): void;
      /** A copy of the file's bytes. */
      bytes(): Uint8Array;
    };
  };
  export default gifenc;
}
