-- Completion menus: Neovim's own, blink.cmp's and nvim-cmp's. None of them is required, and none is loaded by us.

local M = {}

--- Call a function of a plugin that is loaded already; nil if it is not, or not as we know it.
---@param module string
---@param name string
local function of_loaded(module, name)
  local loaded = package.loaded[module]
  local run = type(loaded) == 'table' and loaded[name]
  if type(run) ~= 'function' then return end
  local worked, result = pcall(run)
  return worked and result or nil
end

-- What nvim-cmp's events said last. Its `visible()` is for mappings: it waits until a filter that runs has ended, for
-- up to a second, and it would be asked at every key.
local is_cmp_open = false

--- Whether a completion menu is open.
---@return boolean
function M.is_open()
  return vim.fn.pumvisible() == 1 or is_cmp_open or of_loaded('blink.cmp', 'is_menu_visible') == true
end

local is_watching_cmp = false

--- Be told when a menu opens and closes. Neovim's own menu has events of the buffer (`ghost.attach`).
---@param opened fun()
---@param closed fun()
function M.watch(opened, closed)
  local group = vim.api.nvim_create_augroup('indoors_menu', {})
  local function on(pattern, run)
    vim.api.nvim_create_autocmd('User', { group = group, pattern = pattern, callback = run })
  end
  on('BlinkCmpMenuOpen', opened)
  on('BlinkCmpMenuClose', closed)
  -- nvim-cmp has an emitter of its own. It is there once the plugin is loaded, by the first InsertEnter at the latest.
  local function look()
    local cmp = package.loaded.cmp
    if is_watching_cmp or type(cmp) ~= 'table' or type(cmp.event) ~= 'table' then return end
    is_watching_cmp = true
    cmp.event:on('menu_opened', function()
      is_cmp_open = true
      opened()
    end)
    -- It says so after every key that has no entries, also where nothing was open.
    cmp.event:on('menu_closed', function()
      if not is_cmp_open then return end
      is_cmp_open = false
      closed()
    end)
  end
  look()
  vim.api.nvim_create_autocmd('InsertEnter', {
    group = group,
    callback = function() vim.schedule(look) end,
  })
end

return M
