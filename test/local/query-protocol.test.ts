import { describe, expect, it } from 'vitest';
import { decodeForm, queryEncoder } from '../../local/protocols/query.ts';
import { AwsFault } from '../../local/service.ts';

const protocol = {
  kind: 'query',
  xmlNamespace: 'http://example.test/',
  version: '2010-03-31',
  mapMembers: ['Attributes'],
} as const;

describe('the query protocol', () => {
  it('reads lists, maps and structures from flattened names', () => {
    const form = new URLSearchParams([
      ['Action', 'CreateTopic'],
      ['Version', '2010-03-31'],
      ['Name', 'alerts'],
      ['Attributes.entry.1.key', 'Policy'],
      ['Attributes.entry.1.value', '{"a":1}'],
      ['Attributes.entry.2.key', '__proto__'],
      ['Attributes.entry.2.value', 'plain'],
      ['Tags.member.2.Key', 'second'],
      ['Tags.member.1.Key', 'first'],
      ['MessageAttributes.entry.1.Name', 'kind'],
      ['MessageAttributes.entry.1.Value.DataType', 'String'],
      ['AttributeName.1', 'flat'],
      ['Empty', ''],
    ]);
    const input = decodeForm(form);
    expect(Object.keys(input['Attributes'] ?? {})).toEqual(['Policy', '__proto__']);
    expect(input).toMatchObject({
      Name: 'alerts',
      Attributes: { Policy: '{"a":1}' },
      Tags: [{ Key: 'first' }, { Key: 'second' }],
      MessageAttributes: { kind: { DataType: 'String' } },
      AttributeName: ['flat'],
      Empty: '',
    });
    expect(input).not.toHaveProperty('Action');
  });

  it('writes lists, maps and structures as XML with what is special in XML escaped', () => {
    const { success } = queryEncoder(protocol, 'GetTopicAttributes');
    const { body } = success(
      { Attributes: { Policy: '<"&">\r' }, Topics: [{ TopicArn: 'a' }], Gone: null, Flag: true },
      'r-1',
    );
    expect(body).toBe(
      '<GetTopicAttributesResponse xmlns="http://example.test/"><GetTopicAttributesResult>' +
        '<Attributes><entry><key>Policy</key><value>&lt;&quot;&amp;&quot;&gt;&#xD;</value></entry></Attributes>' +
        '<Topics><member><TopicArn>a</TopicArn></member></Topics><Flag>true</Flag>' +
        '</GetTopicAttributesResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetTopicAttributesResponse>',
    );
  });

  it('blames the sender for a 4xx and the receiver for a 5xx', () => {
    const { failure } = queryEncoder(protocol, 'Publish');
    expect(failure(new AwsFault('NotFound', 'Topic does not exist', 404), 'r').body).toContain(
      '<Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error><RequestId>r</RequestId>',
    );
    expect(failure(new AwsFault('InternalFailure', '', 500), 'r').body).toContain('<Type>Receiver</Type>');
  });
});
