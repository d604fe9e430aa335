// swagger-stats has no types of its own that fit; what the conformance suite uses of it.
declare module 'swagger-stats' {
  import type { RequestHandler } from 'express';

  interface SwaggerStats {
    getMiddleware(options: object): RequestHandler;
    getPromClient(): { register: { metrics(): Promise<string>; resetMetrics(): void } };
  }
  const swagger: SwaggerStats;
  // biome-ignore lint/style/noDefaultExport: a CommonJS module
  export default swagger;
}
