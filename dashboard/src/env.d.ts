// What a `.vue` file is to tools that do not read it; vue-tsc does and knows better.

declare module '*.vue' {
  import type { Component } from 'vue'

  const component: Component
  export default component
}
