// What the tests use of node, which needs no package of types for it.

declare module "node:test" {
  interface Context {
    mock: {
      timers: { enable(options: { apis: "setTimeout"[] }): void; tick(millis: number): void };
    };
  }
  export default function test(
    name: string,
    body: (context: Context) => void | Promise<void>,
  ): Promise<void>;
}

declare module "node:assert/strict" {
  interface Assert {
    equal(is: unknown, expected: unknown, words?: string): void;
    deepEqual(is: unknown, expected: unknown, words?: string): void;
    match(text: string, pattern: RegExp): void;
  }
  const assert: Assert;
  export default assert;
}

declare module "node:fs" {
  export function readdirSync(path: string): string[];
}
