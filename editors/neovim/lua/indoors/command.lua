-- `:Indoors`: every action as a command, with completion of its arguments.

local again = require('indoors.again')
local awaited = require('indoors.awaited')
local clients = require('indoors.clients')
local config = require('indoors.config')
local meant = require('indoors.meant')
local server = require('indoors.server')
local status = require('indoors.status')

local M = {}

local LOST = 'nothing was edited'
local LONGEST_PAUSE_MIN = 365 * 24 * 60
local MODELS_KNOWN_MS = 60000
local ACTIONS = {
  'annotate',
  'document',
  'edit',
  'extract',
  'fix',
  'handle_errors',
  'implement',
  'simplify',
  'split',
  'tests',
}

---@param text string
---@param level integer?
local function say(text, level) vim.notify('Indoors: ' .. text, level or vim.log.levels.INFO) end

---@return vim.lsp.Client?
local function client() return clients.of(vim.api.nvim_get_current_buf()) end

--- Leave nothing behind of a terminal whose command has ended. Closing its window ended nothing: a model is pulled on.
---@param buffer integer
---@param name string
---@param code integer
local function close_terminal(buffer, name, code)
  if not vim.api.nvim_buf_is_valid(buffer) then return end
  if #vim.fn.win_findbuf(buffer) > 0 then
    vim.bo[buffer].bufhidden = 'wipe'
  elseif code == 0 then
    vim.api.nvim_buf_delete(buffer, { force = true })
  else
    say(('`indoors %s` has failed. Next: :buffer %d'):format(name, buffer), vim.log.levels.ERROR)
  end
end

--- Run a command of the command line in a terminal, so that a person sees what it does and can answer it.
---@param arguments string[]
---@param done fun()? called where it ended well
function M.terminal(arguments, done)
  local line = server.command_line()
  if not line then return say(server.why_no_command_line(), vim.log.levels.ERROR) end
  vim.cmd('botright new')
  local buffer = vim.api.nvim_get_current_buf()
  local brings = arguments[1] == 'setup' or arguments[1] == 'models'
  local function ended(code)
    -- In terminal mode the next key would close the window of a command that has ended, and what it said with it.
    if vim.api.nvim_get_current_buf() == buffer then vim.cmd.stopinsert() end
    close_terminal(buffer, arguments[1], code)
    -- The server looks again for what was missing when settings come, or at the next key.
    local after = done and code == 0 and done or brings and M.send_settings
    if after then after() end
  end
  vim.fn.jobstart(vim.list_extend(line, arguments), {
    term = true,
    on_exit = function(_, code)
      vim.schedule(function() ended(code) end)
    end,
  })
  -- Neovim follows the output only in terminal mode, or with the cursor in the last line. What brings something may
  -- ask; an explanation is read from its beginning.
  if brings then
    vim.cmd.startinsert()
  elseif arguments[1] == 'doctor' then
    vim.cmd('normal! G')
  end
end

local run = {}

--- The state, and what to do about it.
run[''] = function()
  local lines = status.lines(vim.api.nvim_get_current_buf())
  say(table.concat(lines, '\n'))
end
run.status = run['']

--- Nothing is suggested: for some minutes (10), in this file, in files of this language; `off` ends all pauses.
function run.pause(call)
  local how = call.fargs[2] or '10'
  local buffer = vim.api.nvim_get_current_buf()
  if how == 'off' then
    status.resume()
    return say('suggestions come again.')
  elseif how == 'file' then
    status.pause_file(buffer)
  elseif how == 'language' then
    status.pause_language(vim.bo.filetype)
  elseif tonumber(how) and tonumber(how) > 0 and tonumber(how) <= LONGEST_PAUSE_MIN then
    status.pause_for(tonumber(how))
  else
    return say(
      ('%q is no pause. Next: :Indoors pause [MINUTES|file|language|off]'):format(how),
      vim.log.levels.ERROR
    )
  end
  say(('paused %s. Next: :Indoors pause off'):format(status.paused(buffer)))
end

--- The settings that the server has from us, with `model` in them.
---@param name string
local function take_model(name)
  local settings = vim.tbl_deep_extend('force', config.get().settings or {}, { model = name })
  vim.g.indoors = vim.tbl_extend('force', vim.g.indoors or {}, { settings = settings })
  M.send_settings()
end

--- Send the settings in `vim.g.indoors.settings`: they count at once, and for what is started later.
function M.send_settings()
  again.settings_changed()
  local settings = config.settings()
  for _, one in ipairs(clients.all()) do
    one:notify('workspace/didChangeConfiguration', { settings = { indoors = settings } })
  end
end

--- Read what `models list --json` prints: one object per line.
---@param printed string
---@return table[]
local function models_in(printed)
  local found = {}
  for line in vim.gsplit(printed, '\n', { trimempty = true }) do
    local worked, model = pcall(vim.json.decode, line)
    if worked and type(model) == 'table' and model.completes then table.insert(found, model) end
  end
  return found
end

--- Use another model, and say so.
---@param name string
local function use(name)
  take_model(name)
  say(('%s, until Neovim ends. To keep it: settings.model in vim.g.indoors'):format(name))
end

--- Pull a model, if a person says so, where it can be watched and stopped. It is used once it is there.
---@param name string
local function offer_pull(name)
  local pull = ('Pull it in a terminal: indoors models pull %s'):format(name)
  vim.ui.select({ pull, 'Not now' }, { prompt = ('%s is not on this machine'):format(name) }, function(chosen)
    if chosen == pull then M.terminal({ 'models', 'pull', name }, function() use(name) end) end
  end)
end

--- Use another model, until the editor is closed. One that is not here is offered to be pulled.
function run.model(call)
  local name = call.fargs[2]
  local line = server.command_line()
  if not line then return say(server.why_no_command_line(), vim.log.levels.ERROR) end
  vim.system(vim.list_extend(line, { 'models', 'list', '--json' }), { text = true }, function(ended)
    local function listed()
      local models = models_in(ended.stdout or '')
      if ended.code ~= 0 or #models == 0 then
        return say('the models could not be listed. Next: indoors doctor   (in a terminal)', vim.log.levels.ERROR)
      end
      local function take(model)
        if not model then return end
        if not model.installed then return offer_pull(model.name) end
        use(model.name)
      end
      if name then
        for _, model in ipairs(models) do
          if model.name == name then return take(model) end
        end
        return say(('there is no model %q. Next: :Indoors model'):format(name), vim.log.levels.ERROR)
      end
      vim.ui.select(models, {
        prompt = 'Model',
        format_item = function(model) return model.name .. (model.installed and '' or '   (not on this machine)') end,
      }, take)
    end
    vim.schedule(function() meant.when_free(listed) end)
  end)
end

--- Why the last suggestion in this buffer is what it is. `terminal`: made anew by the command line for the file on
--- disk, with its prompt and the model's own text.
function run.explain(call)
  if call.fargs[2] == 'terminal' then return require('indoors.explain').in_terminal(M.terminal) end
  local asked = client()
  if not asked then return say('not attached here. Next: :checkhealth indoors', vim.log.levels.ERROR) end
  require('indoors.explain').show(asked, vim.api.nvim_get_current_buf())
end

--- Find the card, install the engine, pull a model, complete a line: `indoors setup`, which asks by itself.
function run.setup() M.terminal({ 'setup' }) end

--- Try every way out of the lock-down, and see each refused.
function run.prove() M.terminal({ 'doctor', '--prove' }) end

--- What the server wrote to its standard error, in Neovim's log of language servers. It holds no source text.
function run.log()
  local path = vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
  if vim.fn.filereadable(path) ~= 1 then
    return say(('nothing was logged yet: %s. Next: :checkhealth indoors'):format(path))
  end
  vim.cmd.tabnew(vim.fn.fnameescape(path))
  vim.bo.readonly, vim.bo.modifiable = true, false
  vim.cmd('normal! G')
end

--- Start the server again.
function run.restart() again.restart() end

--- The range of a call: its lines, or the cursor.
local function range_of(call, encoding)
  if call.range == 0 then return vim.lsp.util.make_range_params(0, encoding).range end
  local last = vim.api.nvim_buf_get_lines(0, call.line2 - 1, call.line2, false)[1] or ''
  return {
    start = { line = call.line1 - 1, character = 0 },
    ['end'] = { line = call.line2 - 1, character = vim.str_utfindex(last, encoding, #last, false) },
  }
end

--- Edit the code at the cursor, or in a range of lines: a diff is shown, and nothing changes before it is accepted.
function run.refactor(call)
  local wanted, server_client = call.fargs[2], client()
  if not server_client then return say('not attached here. Next: :checkhealth indoors', vim.log.levels.ERROR) end
  local encoding = server_client.offset_encoding
  local range = range_of(call, encoding)
  local reports = require('indoors.edits').reports(range.start.line, range['end'].line, encoding)
  -- Named, not 0: only then is what was typed just now sent before the request.
  local buffer = vim.api.nvim_get_current_buf()
  local params = {
    textDocument = vim.lsp.util.make_text_document_params(0),
    range = range,
    context = { diagnostics = reports, triggerKind = 1 },
  }
  local function answered(failure, actions)
    if failure then return say(awaited.failed(LOST, failure), vim.log.levels.ERROR) end
    local found = {}
    for _, action in ipairs(actions or {}) do
      local wish = vim.tbl_get(action, 'command', 'arguments', 1)
      if type(wish) == 'table' and (wanted == nil or wish.action == wanted) then table.insert(found, action) end
    end
    local disabled = vim.tbl_get(actions or {}, 1, 'disabled', 'reason')
    if #found == 0 then
      local what = wanted and ('%q cannot be done here'):format(wanted) or 'nothing can be done here'
      return say(disabled or what .. '. Next: put the cursor into a function, or select lines')
    end
    local function take(action)
      if action then server_client:exec_cmd(action.command, { bufnr = buffer }) end
    end
    if wanted or #found == 1 then return take(found[1]) end
    vim.ui.select(found, { prompt = 'Edit', format_item = function(one) return one.title end }, take)
  end
  awaited.request(server_client, 'textDocument/codeAction', params, LOST, function(failure, actions)
    meant.when_free(function() answered(failure, actions) end)
  end, buffer)
end

--- End the edits that are being made.
function run.stop()
  local stopped = require('indoors.edits').stop()
  if #stopped == 0 then return say('no edit is being made. Next: :Indoors refactor') end
  say(('stopped: %s. Nothing was changed.'):format(table.concat(stopped, ', ')))
end

-- Asking takes a moment, and some ask for completions at every key.
---@type { names: string[], until_ms: integer }
local models = { names = {}, until_ms = 0 }

--- The names of the models that complete; none where they cannot be listed, which `:Indoors model` says.
---@return string[]
local function model_names()
  local line = server.command_line()
  if not line then return {} end
  vim.uv.update_time()
  if vim.uv.now() >= models.until_ms then
    local ended = vim.system(vim.list_extend(line, { 'models', 'list', '--json' }), { text = true }):wait(5000)
    models.names = vim.tbl_map(function(model) return model.name end, models_in(ended.stdout or ''))
    models.until_ms = vim.uv.now() + MODELS_KNOWN_MS
  end
  return vim.list_slice(models.names)
end

---@type table<string, string[]|fun(): string[]>
local ARGUMENTS = {
  explain = { 'terminal' },
  model = model_names,
  pause = { '10', '30', '60', 'file', 'language', 'off' },
  refactor = ACTIONS,
}

--- What can follow on a command line, whose last command is `:Indoors`, maybe shortened or behind a range or `:silent`.
---@param line string
---@return string[]
function M.complete(line)
  local words = vim.split(line:gsub('^.*|', ''):gsub('^.-%f[%a]Ind%a*%s*', ''), '%s+')
  if #words > 2 then return {} end
  local candidates = ARGUMENTS[words[1]] or {}
  if #words <= 1 then candidates = vim.tbl_filter(function(one) return one ~= '' end, vim.tbl_keys(run)) end
  if type(candidates) == 'function' then candidates = candidates() end
  table.sort(candidates)
  return vim.tbl_filter(function(one) return vim.startswith(one, words[#words]) end, candidates)
end

function M.run(call)
  local name = call.fargs[1] or ''
  if run[name] then return run[name](call) end
  local names = M.complete('Indoors ')
  say(('there is no %q. Next: one of %s'):format(name, table.concat(names, ', ')), vim.log.levels.ERROR)
end

return M
