// The floor of a 3D scene: an endless checkerboard that fades into the page.
import { Color, Mesh, MeshLambertMaterial, PlaneGeometry, type Vector3 } from "three";

/** The side of the drawn square, and the distance at which the floor is half transparent, in camera distances. */
const [side, fading] = [200, 4];

export class Floor {
  readonly mesh: Mesh<PlaneGeometry, MeshLambertMaterial>;
  readonly #other = { value: new Color() };

  /** `distance` is that of the camera, in m. */
  constructor(distance: number) {
    const material = new MeshLambertMaterial({ transparent: true });
    const uniforms = {
      other: this.#other,
      square: { value: squareFor(distance) },
      fading: { value: fading * distance },
    };
    material.onBeforeCompile = (shader) => {
      Object.assign(shader.uniforms, uniforms);
      shader.vertexShader = `varying vec2 place;\n${shader.vertexShader}`.replace(
        "#include <begin_vertex>",
        "#include <begin_vertex>\nplace = (modelMatrix * vec4(position, 1.0)).xy;",
      );
      shader.fragmentShader = `${declarations}${shader.fragmentShader}`.replace("#include <map_fragment>", squares);
    };
    this.mesh = new Mesh(new PlaneGeometry(side * distance, side * distance), material);
    this.mesh.receiveShadow = true;
  }

  paint(isDark: boolean): void {
    this.mesh.material.color.set(isDark ? "#3b4651" : "#eef1f4");
    this.#other.value.set(isDark ? "#2d3640" : "#d3dae1");
  }

  /** Keeps the floor below a position, so that it seems endless. The pattern does not move. */
  center({ x, y }: Vector3): void {
    this.mesh.position.setX(x).setY(y);
  }
}

/** The side of a square in m: 1, 2 or 5 times a power of ten, so that four to ten fit into the camera's distance. */
function squareFor(distance: number): number {
  const most = distance / 4;
  const power = 10 ** Math.floor(Math.log10(most));
  return power * ([5, 2].find((each) => each * power <= most) ?? 1);
}

const declarations = `
uniform vec3 other;
uniform float square;
uniform float fading;
varying vec2 place;
`;

/** The mean of the checkerboard over a pixel (Inigo Quilez's box filter). */
const squares = `
vec2 at = place / square;
vec2 width = max(abs(dFdx(at)), abs(dFdy(at))) + 1e-4;
vec2 stripes = 2.0 * (abs(fract((at - 0.5 * width) * 0.5) - 0.5) - abs(fract((at + 0.5 * width) * 0.5) - 0.5)) / width;
diffuseColor.rgb = mix(diffuseColor.rgb, other, 0.5 - 0.5 * stripes.x * stripes.y);
float far = length(vViewPosition) / fading;
far *= far;
diffuseColor.a = 1.0 / (1.0 + far * far);
`;
