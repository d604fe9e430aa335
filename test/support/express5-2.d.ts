// Express 5.2 (router 2.2) under the name that package.json gives it.
declare module 'express5-2' {
  import express from 'express';

  // biome-ignore lint/style/noDefaultExport: that is what Express has
  export default express;
}
