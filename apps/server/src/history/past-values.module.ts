import { Module } from '@nestjs/common';
import { ClusterNode } from '../cluster/cluster-node.js';
import { PastValues } from './past-values.js';

@Module({
  providers: [
    {
      provide: PastValues,
      inject: [ClusterNode],
      useFactory: (node: ClusterNode): PastValues =>
        new PastValues({
          reader: node.state.reader,
          readRows: (keys) => node.readRows(keys),
          onCorrupt: (error) => node.foundCorrupt(error),
        }),
    },
  ],
  exports: [PastValues],
})
export class PastValuesModule {}
