import { Command } from 'commander'
import { AcceleratorError, installAccelerator, multipliesBfloat16 } from '../assemble-engines.js'
import { prepareHome } from '../home.js'
import { createHttp } from '../pull/http.js'
import { readProxies } from '../pull/proxies.js'
import { UserError } from './exit.js'
import { createProgress } from './progress.js'
import { addSettingsOptions, settingsOf } from './settings-options.js'

export function accelerateCommand(): Command {
  const command = new Command('accelerate')
    .description('Fetch OpenVINO (59 MB) for ONNX models: faster where the processor multiplies bfloat16 itself.')
    .option('--file <wheel>', 'take the wheel from disk; no network is needed')
  return addSettingsOptions(command, ['home', 'packageIndexUrl']).action(
    async ({ file }: { file?: string }, self: Command) => {
      const { home, packageIndexUrl } = settingsOf(self)
      prepareHome(home)
      const progress = createProgress('OpenVINO, MB:', 59)
      let shown = 0
      const http = createHttp(readProxies(process.env))
      const interrupted = new AbortController()
      process.once('SIGINT', () => interrupted.abort(new UserError('interrupted.')))
      try {
        const { version, libraries } = await installAccelerator({
          home,
          indexUrl: packageIndexUrl,
          file,
          http,
          signal: interrupted.signal,
          onProgress(bytes) {
            const megabytes = Math.floor(bytes / 1e6)
            progress.add(megabytes - shown)
            shown = megabytes
          },
        })
        progress.stop()
        process.stdout.write(`OpenVINO ${version} is in ${libraries}.\n`)
        process.stdout.write(
          multipliesBfloat16()
            ? 'ONNX models compute with it from the next start on. Their vectors are of another space: embed again what you keep.\n'
            : 'This processor does not multiply bfloat16 itself, so ONNX models go on without it.\n',
        )
      } catch (error) {
        progress.stop()
        throw error instanceof AcceleratorError ? new UserError(error.message) : error
      } finally {
        http.close()
      }
    },
  )
}
