// Stands in front of methods of one object until one of them is called, then leaves the object as it was.

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** @param onCall gets the arguments of the first call, before that is made; must not throw */
export function onceCalled<Name extends string>(
  target: Readonly<Record<Name, unknown>>,
  names: readonly Name[],
  onCall: (args: readonly unknown[]) => void,
): void {
  let wasCalled = false;
  const replaced = names.map((name) => {
    const method = target[name] as Method;
    const wasOwn = Object.hasOwn(target, name);
    const inFront: Method = function (...args) {
      if (!wasCalled) {
        wasCalled = true;
        for (const restore of replaced) restore();
        onCall(args);
      }
      return Reflect.apply(method, this, args);
    };
    Object.defineProperty(target, name, { configurable: true, writable: true, enumerable: true, value: inFront });
    return () => {
      // Somebody else may stand in front of it by now: then it stays, and lets all through.
      if (target[name] !== inFront) return;
      if (wasOwn) Object.assign(target, { [name]: method });
      else Reflect.deleteProperty(target, name);
    };
  });
}
