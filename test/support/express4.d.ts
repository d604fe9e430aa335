// Express 4 under the name that package.json gives it; for what the tests use, its types are those of Express 5.
declare module 'express4' {
  import express from 'express';

  // biome-ignore lint/style/noDefaultExport: that is what Express has
  export default express;
}
