/** GPUBufferUsage, which is no global everywhere. */
export const usage = { mapRead: 0x01, copySource: 0x04, copyTarget: 0x08, uniform: 0x40, storage: 0x80 } as const;

/** GPUMapMode.READ */
export const mapModeRead = 1;
