// What counts as a mistake in this room. Layout is Prettier's business; types are checked by vue-tsc.

import prettier from 'eslint-config-prettier'
import vue from 'eslint-plugin-vue'
import typescript from 'typescript-eslint'

const sources = ['src/**/*.ts', 'src/**/*.vue']

export default typescript.config(
  { ignores: ['dist', 'node_modules', '**/*.gen.ts'] },
  ...typescript.configs.recommendedTypeChecked.map((config) => ({ ...config, files: sources })),
  ...vue.configs['flat/recommended'],
  {
    files: sources,
    languageOptions: {
      parserOptions: {
        parser: typescript.parser,
        project: './tsconfig.json',
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.vue'],
      },
    },
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      'no-alert': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'vue/multi-word-component-names': 'off',
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/define-macros-order': 'error',
    },
  },
  {
    files: ['src/**/*.test.ts'],
    rules: { 'max-lines-per-function': 'off' },
  },
  prettier,
)
