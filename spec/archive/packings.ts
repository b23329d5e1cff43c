/** A small tar as the programs of these names pack it; Node cannot. */
export const xzLayer = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Cf/AGRdADabyu7N0zqX0KO5VVFgLBgYxlr8odcgzU4zmYXz4vOAlnUjhICpfXF52a7vfkLx3AXItcLezpCAYthlyH04DWviliYrq01YsxJ/XcCAQIujPfCvMB9S5A0qbxL9KMiddRNMqAAAF+RvkECLrxIAAYABgFAAAD5xYGGxxGf7AgAAAAAEWVo=',
  'base64',
);
export const bzip2Layer = Buffer.from(
  'QlpoOTFBWSZTWRPGB6EAAHN7hMqQAGBAAG2AAARuAp4AAACACCAAVCUpoaaGmg9QNP1QSVNqaNHqZADQV+4dmQglEBInSRR8LiliSCAPAasOWiknuYkW6vCbxpYbguZ0KlT2XivEoCizMH4u5IpwoSAnjA9C',
  'base64',
);
