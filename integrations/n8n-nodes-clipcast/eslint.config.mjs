// The rules that n8n's own command line (`n8n-node lint`) applies, without its dependencies of 500 MB.
import js from '@eslint/js';
import { n8nCommunityNodesPlugin } from '@n8n/eslint-plugin-community-nodes';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import nodesBase from 'eslint-plugin-n8n-nodes-base';
import { globalIgnores } from 'eslint/config';
import typescript from 'typescript-eslint';

const community = n8nCommunityNodesPlugin.configs.recommended;

export default typescript.config(
  globalIgnores(['dist', 'package-lock.json', 'tsconfig.json']),
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, typescript.configs.recommended, community, importX.configs['flat/recommended']],
    rules: { 'no-console': 'error' },
  },
  {
    plugins: { 'n8n-nodes-base': nodesBase },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
  },
  {
    files: ['package.json'],
    extends: [community],
    rules: {
      ...nodesBase.configs.community.rules,
      // Clipcast has another licence than n8n proposes.
      'n8n-nodes-base/community-package-json-license-not-default': 'off',
      // The publisher of the package adds these.
      'n8n-nodes-base/community-package-json-author-missing': 'off',
      '@n8n/community-nodes/valid-author': 'off',
      '@n8n/community-nodes/require-homepage': 'off',
    },
    languageOptions: { parser: typescript.parser, parserOptions: { extraFileExtensions: ['.json'] } },
  },
  {
    files: ['credentials/**/*.ts'],
    rules: {
      ...nodesBase.configs.credentials.rules,
      // These two are for nodes inside n8n's own repository; n8n's command line switches them off, too.
      'n8n-nodes-base/cred-class-field-documentation-url-miscased': 'off',
      'n8n-nodes-base/cred-class-field-type-options-password-missing': 'off',
    },
  },
  {
    files: ['nodes/**/*.ts'],
    rules: {
      ...nodesBase.configs.nodes.rules,
      // They know no `NodeConnectionTypes`; n8n's command line switches them off, too.
      'n8n-nodes-base/node-class-description-inputs-wrong-regular-node': 'off',
      'n8n-nodes-base/node-class-description-outputs-wrong': 'off',
      'n8n-nodes-base/node-param-type-options-max-value-present': 'off',
    },
  },
);
